# commit.cmake - write commit.h, if it would say something new. Run at each
# build: cmake -DTOP=... -DOUT=... -P commit.cmake
execute_process(
    COMMAND git describe --always --dirty --abbrev=12 --exclude=*
    WORKING_DIRECTORY ${TOP}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE status ERROR_QUIET)
if(NOT status EQUAL 0)
    set(commit unknown)
endif()
set(text "#define WEFT_COMMIT \"${commit}\"\n")
set(before)
if(EXISTS ${OUT})
    file(READ ${OUT} before)
endif()
if(NOT before STREQUAL text)
    file(WRITE ${OUT} "${text}")
endif()
