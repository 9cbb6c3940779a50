// SPDX-License-Identifier: Apache-2.0
//
// program.c - somebody else's program: sees what is installed and no more.

#include <stdio.h>

#include <weft/error.h>

int
main(void)
{
    puts(weft_err_name(WEFT_EBUSY));
    return 0;
}
