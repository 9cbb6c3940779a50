# tidy.awk - check the text of C files; tidy.sh names them.
#
# One line for each finding, "file:line: what is wrong", and status 1. Files
# are named from the top of the tree: "storage/keys.c".

function finding(line, text) {
    printf "%s:%d: %s\n", file, line, text
    findings++
}

# The code of a line: without strings, character constants and comments.
function code_of(line) {
    gsub(/\\./, "", line)
    gsub(/"[^"]*"/, "\"\"", line)
    gsub(/'[^']*'/, "0", line)
    sub(/\/\/.*/, "", line)
    gsub(/\/\*[^*]*\*\//, "", line)
    return line
}

# Characters, not bytes: what continues a UTF-8 character does not count.
function width_of(line) {
    gsub(/[\200-\277]/, "", line)
    return length(line)
}

function begin_file() {
    file = FILENAME
    folder = file
    sub(/\/.*/, "", folder)
    is_header = file ~ /\.h$/
    # Who may call libc for what the seams give, base being the seams.
    is_free = folder ~ /^(base|cli|daemon|examples|tests|bench)$/
    guard = ""
    is_guarded = 0
    function_at = 0
    paragraph_at = 1
    long_at = 0
}

function end_file() {
    if (file == "") {
        return
    }
    if (is_header && !is_guarded) {
        finding(1, "has no include guard")
    }
    if (is_header && last > 400) {
        finding(last, "header of " last " lines, at most 400")
    }
    if (!is_header && last > 1000) {
        finding(last, "file of " last " lines, at most 1000")
    }
}

function check_function(line) {
    if (line ~ /tidy: long/) {
        long_at = FNR
    }
    if (line ~ /^[ \t]*$/ && !function_at) {
        paragraph_at = FNR + 1
    }
    if (line == "{") {
        function_at = FNR
    } else if (line ~ /^}/) {
        if (function_at && FNR - function_at + 1 > 70 && \
            long_at < paragraph_at) {
            finding(function_at, "function of " (FNR - function_at + 1) \
                " lines, at most 70 (or \"tidy: long, why\" before it)")
        }
        function_at = 0
        paragraph_at = FNR + 1
    }
}

function check_guard(code) {
    if (!is_header || is_guarded) {
        return
    }
    if (guard == "" && code ~ /^#ifndef [A-Z0-9_]+_H(PP)?$/) {
        guard = substr(code, 9)
    } else if (guard != "" && code == "#define " guard) {
        is_guarded = 1
    } else if (code ~ /[^ \t]/) {
        guard = "none, code comes first"
    }
}

function check_include(line) {
    if (line ~ /^[ \t]*#[ \t]*include.*\.\.\//) {
        finding(FNR, "includes by \"..\"; name the folder")
    }
    if (folder ~ /^(base|storage|transport)$/ && \
        line ~ /^#include "weft\// && \
        line !~ /^#include "weft\/(error|bytes)\.h"/) {
        finding(FNR, folder " may include only weft/error.h and weft/bytes.h")
    }
}

function check_calls(line, code) {
    if (is_free || line ~ /tidy: allow, [a-z]/) {
        return
    }
    if (code ~ /(^|[^A-Za-z0-9_.>])(malloc|calloc|realloc|free|strdup|strndup)[ ]*\(/) {
        finding(FNR, "calls libc for memory; base/alloc.h has it")
    }
    if (code ~ /(^|[^A-Za-z0-9_.>])(time|clock_gettime|gettimeofday)[ ]*\(/) {
        finding(FNR, "asks for the time; base/clock.h has it")
    }
    if (code ~ /(^|[^A-Za-z0-9_.>])(rand|random|getrandom)[ ]*\(/) {
        finding(FNR, "asks for chance; base/random.h has it")
    }
    if (code ~ /(^|[^A-Za-z0-9_.>])(secure_)?getenv[ ]*\(/) {
        finding(FNR, "reads the environment")
    }
}

FNR == 1 {
    end_file()
    begin_file()
    if ($0 != "// SPDX-License-Identifier: Apache-2.0") {
        finding(1, "first line is not the SPDX one")
    }
}

{
    last = FNR
    code = code_of($0)
    check_function($0)
    check_guard(code)
    check_include($0)
    check_calls($0, code)
    if (width_of($0) > 80) {
        finding(FNR, "line of " width_of($0) " columns, at most 80")
    }
    if ($0 ~ /(TODO|FIXME)/ && $0 !~ /(TODO|FIXME)[ (:]*#[0-9]/) {
        finding(FNR, "TODO without an issue number: TODO(#12)")
    }
    if ($0 ~ /[ \t\r]$/) {
        finding(FNR, "blank at the end of the line")
    }
    if ($0 ~ /\t/) {
        finding(FNR, "tab")
    }
}

END {
    end_file()
    exit findings > 0
}
