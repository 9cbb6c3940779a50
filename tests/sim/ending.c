// SPDX-License-Identifier: Apache-2.0
//
// ending.c - what came of a program in the simulator. See ending.h.

#include "sim/ending.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
ending_print(const char *id, const struct program *program)
{
    char *text = program_text(program);

    (void)fprintf(stderr, "%s is a %s", id, text);
    free(text);
}

_Noreturn void
ending_fail(const char *id, const struct program *program, const char *format,
            ...)
{
    va_list args;

    va_start(args, format);
    (void)fprintf(stderr, "sim: program: ");
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    ending_print(id, program);
    abort();
}

// Of causes as world.h shows them, "SOURCE NAME ..." in lines.
static void
say_causes(const char *causes, char out[EXPECT_TEXT_SIZE])
{
    while (*causes != '\0') {
        const char *name = strchr(causes, ' ');
        const char *end = name == NULL ? NULL : strchr(name + 1, ' ');
        char texts[2][100];

        if (end == NULL) {
            return;
        }
        (void)snprintf(texts[0], sizeof(texts[0]), "%.*s", (int)(name - causes),
                       causes);
        (void)snprintf(texts[1], sizeof(texts[1]), "%.*s",
                       (int)(end - name - 1), name + 1);
        expect_say_level(texts[1], texts[0], out);
        causes = strchr(end, '\n');
        causes = causes == NULL ? "" : causes + 1;
    }
}

void
ending_say(const struct world_call *call, char out[EXPECT_TEXT_SIZE])
{
    uint64_t value = 0;

    (void)snprintf(out, EXPECT_TEXT_SIZE, "%s",
                   call->err == WEFT_ECANCELLED    ? "cancelled"
                   : call->err == WEFT_ETERMINATED ? "terminated"
                                                   : weft_err_name(call->err));
    if (call->err == WEFT_OK && call->data_len == sizeof(value)) {
        memcpy(&value, call->data, sizeof(value));
        expect_say_ok(value, out);
    } else if (call->err == WEFT_EFAILED) {
        out[0] = '\0';
        expect_say_level(call->failure, "", out);
        say_causes(call->causes, out);
    }
}

void
ending_check_shown(const char *id, const struct program *program,
                   const struct expect *expect, struct world *world)
{
    const struct world_call *call = world_ask(world, WEFT_VERB_QUERY, "program",
                                              id, "value", weft_nothing());
    char number[60] = "";
    uint64_t value = 0;

    if (call->err == WEFT_OK && call->data_len == sizeof(value)) {
        memcpy(&value, call->data, sizeof(value));
    }
    if ((call->err == WEFT_OK) != expect->has_value || value != expect->value) {
        ending_fail(id, program, "%s: published %s %" PRIx64, id,
                    weft_err_name(call->err), value);
    }
    call =
        world_ask(world, WEFT_VERB_DESCRIBE, "program", id, "", weft_nothing());
    if (expect->has_number) {
        (void)snprintf(number, sizeof(number), "number=%" PRId64,
                       expect->number);
    }
    if (strcmp(call->attributes, number) != 0) {
        ending_fail(id, program, "%s: attributes %s and must be %s", id,
                    call->attributes, number);
    }
}
