# libweft.a and libweft.so, made of all modules' objects, and their install.

include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY WEFT_MODULES)
set(objects)
foreach(module ${modules})
    list(APPEND objects $<TARGET_OBJECTS:${module}>)
endforeach()
set(outside PkgConfig::ROCKSDB PkgConfig::MSGPACK PkgConfig::JANSSON
    PkgConfig::ZMQ PkgConfig::SODIUM PkgConfig::INIH PkgConfig::PQ PkgConfig::CURL
    weft::boost_context Threads::Threads)

add_library(weft_static STATIC ${objects})
target_link_libraries(weft_static INTERFACE ${outside})
set_target_properties(weft_static PROPERTIES
    OUTPUT_NAME weft EXPORT_NAME static LINKER_LANGUAGE C)

set(map ${PROJECT_SOURCE_DIR}/cmake/weft.map)
add_library(weft_shared SHARED ${objects})
target_link_libraries(weft_shared PRIVATE ${outside} weft_warnings)
target_link_options(weft_shared PRIVATE -Wl,--version-script=${map})
set_target_properties(weft_shared PROPERTIES
    OUTPUT_NAME weft EXPORT_NAME weft LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${map})

foreach(library weft_static weft_shared)
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
add_library(weft::static ALIAS weft_static)
add_library(weft::weft ALIAS weft_shared)

# weft_warnings is only named in the export ($<LINK_ONLY> of a PRIVATE link is
# dropped for shared libraries), so it is not installed.
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/weft
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS weft_static weft_shared EXPORT weftTargets)
install(EXPORT weftTargets NAMESPACE weft:: DESTINATION ${package})
configure_package_config_file(cmake/weftConfig.cmake.in weftConfig.cmake
    INSTALL_DESTINATION ${package})
write_basic_package_version_file(weftConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
# Relative, so that the installed tree may be moved, or installed elsewhere.
file(RELATIVE_PATH WEFT_PC_TO_PREFIX
    /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" WEFT_PC_TO_PREFIX "${WEFT_PC_TO_PREFIX}")
configure_file(cmake/weft.pc.in weft.pc @ONLY)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/weftConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/weftConfigVersion.cmake
    cmake/WeftDependencies.cmake
    DESTINATION ${package})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weft.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
