// SPDX-License-Identifier: Apache-2.0
//
// program.c - somebody else's program: sees what is installed and no more.

#include <stdio.h>

#include <weft/testing.h>
#include <weft/weft.h>

// WEFT_EBUSY, if a node in memory tells the time.
int
main(void)
{
    weft_definitions *definitions = NULL;
    weft_test *test = NULL;
    weft_err err = weft_definitions_create(&definitions);

    if (err == WEFT_OK) {
        err = weft_test_open(definitions, NULL, &test);
    }
    if (err == WEFT_OK && weft_test_now_ms(test) > 0) {
        err = WEFT_EBUSY;
    }
    puts(weft_err_name(err));
    weft_test_close(test);
    weft_definitions_destroy(definitions);
    return 0;
}
