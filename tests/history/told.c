// SPDX-License-Identifier: Apache-2.0
//
// told.c - see told.h.

#include "history/told.h"

#include <stdbool.h>
#include <string.h>

size_t
told_faults(const char *text, told_check_fn *check)
{
    static const char letters[] = "a?+-lse";
    struct history history = {0};
    struct history_faults faults = {0};

    for (const char *at = text; *at != '\0'; at += at[2] == '\0' ? 2 : 3) {
        bool is_other = *at >= 'A' && *at <= 'Z';
        char letter = (char)(is_other ? *at + 32 : *at);

        history_add(&history, (struct history_event){
                                  .type = (enum history_type)(
                                      strchr(letters, letter) - letters),
                                  .who = at[1] < '5' ? 1 : 2,
                                  .object = is_other ? 2 : 1,
                                  .op = (uint64_t)(at[1] - '0'),
                              });
    }
    check(&history, &faults);
    history_fini(&history);
    return faults.count;
}
