# One folder is one static library, with one list of the folders it may use.
# Headers are included as "folder/file.h". That path resolves only through a
# door: a build directory holding nothing but a link to the folder. A module
# has its own door, base's, and those of MAY_USE; no other include compiles.
#
#   weft_module(name
#       SOURCES ...      its .c files; none yet is fine
#       MAY_USE ...      modules whose headers it may include
#       LINK ...         outside libraries
#       DEFINES ...)     instead of _POSIX_C_SOURCE=200809L
function(weft_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;MAY_USE;LINK;DEFINES" ${ARGN})

    weft_door(${name} ${CMAKE_CURRENT_SOURCE_DIR} door)
    list(TRANSFORM ARG_MAY_USE PREPEND weft_)
    if(NOT ARG_SOURCES)
        add_library(weft_${name} INTERFACE)
        target_include_directories(weft_${name} INTERFACE
            ${PROJECT_SOURCE_DIR}/include ${door})
        target_link_libraries(weft_${name} INTERFACE weft_base)
        return()
    endif()

    add_library(weft_${name} STATIC ${ARG_SOURCES})
    target_include_directories(weft_${name} PUBLIC
        ${PROJECT_SOURCE_DIR}/include ${door})
    if(NOT name STREQUAL base)
        target_link_libraries(weft_${name} PUBLIC weft_base)
    endif()
    if(NOT ARG_DEFINES)
        set(ARG_DEFINES _POSIX_C_SOURCE=200809L)
    endif()
    # The objects are libweft.so's too; see WEFT_API.
    target_compile_definitions(weft_${name} PRIVATE
        WEFT_BUILDING_SHARED ${ARG_DEFINES})

    # PRIVATE, so a permission is not passed on: runtime may use storage, but
    # what uses runtime may not.
    target_link_libraries(weft_${name} PRIVATE
        ${ARG_MAY_USE} ${ARG_LINK} weft_warnings)
    set_property(GLOBAL APPEND PROPERTY WEFT_MODULES weft_${name})
endfunction()

# Make the door through which folder's headers are "name/file.h".
function(weft_door name folder out_door)
    set(door ${PROJECT_BINARY_DIR}/doors/${name})
    file(MAKE_DIRECTORY ${door})
    file(CREATE_LINK ${folder} ${door}/${name} SYMBOLIC)
    set(${out_door} ${door} PARENT_SCOPE)
endfunction()
