# The libraries we stand on. Read at build time, and by find_package(weft) for
# weft::static, so that both look in the same way.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
# Called msgpack up to 4.0, msgpack-c from 6.0 on.
pkg_search_module(MSGPACK REQUIRED IMPORTED_TARGET msgpack msgpack-c)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
# The first that signs for S3 as told of the body's hash.
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)

# Only the archive: its two C symbols become part of us, and no C++ comes in.
find_library(WEFT_BOOST_CONTEXT NAMES libboost_context.a REQUIRED)
if(NOT TARGET weft::boost_context)
    add_library(weft::boost_context STATIC IMPORTED)
    set_target_properties(weft::boost_context PROPERTIES
        IMPORTED_LOCATION ${WEFT_BOOST_CONTEXT})
endif()
