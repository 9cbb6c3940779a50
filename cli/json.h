// SPDX-License-Identifier: Apache-2.0
//
// json.h - write JSON to stdout, piece by piece.
//
// Every function with a name writes a member of the open object; with NULL, an
// element of the open array. Commas are put where they belong. (Not json_text
// and so on: those would be jansson's names, which libweft.a uses.)

#ifndef WEFT_CLI_JSON_H
#define WEFT_CLI_JSON_H

#include <stdint.h>

#include "weft/bytes.h"

void cli_json_begin_object(const char *name);
void cli_json_end_object(void);
void cli_json_begin_array(const char *name);
void cli_json_end_array(void);
// What is not UTF-8 becomes U+FFFD. NULL: null.
void cli_json_text(const char *name, const char *text);
void cli_json_number(const char *name, uint64_t number);
void cli_json_bool(const char *name, int value);
void cli_json_null(const char *name);
// A payload: its value if it is msgpack, {"$bin": base64} if it is anything
// else, null if it is empty.
void cli_json_payload(const char *name, weft_bytes bytes);
// End the line, between two values.
void cli_json_newline(void);

#endif
