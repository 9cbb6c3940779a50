// SPDX-License-Identifier: Apache-2.0
//
// filter_number.c - numbers of a filter. Not strtod, which asks for the locale.

#include "runtime/filter_token.h"

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// 10 to that power; exact up to 27, which is all that short numbers need.
static long double
power_of_ten(uint32_t exponent)
{
    long double power = 1;
    long double base = 10;

    for (; exponent > 0; exponent >>= 1) {
        if ((exponent & 1) != 0) {
            power *= base;
        }
        base *= base;
    }
    return power;
}

struct number {
    bool is_negative;
    bool is_whole;    // neither point nor exponent
    bool is_inexact;  // more than 19 digits
    uint64_t digits;  // without the point
    int32_t exponent; // of ten, to be applied to them
};

static const char *
read_exponent(const char *at, struct number *number)
{
    bool is_negative = *at == '-';
    int32_t exponent = 0;

    at += *at == '-' || *at == '+';
    if (!is_digit(*at)) {
        return NULL;
    }
    for (; is_digit(*at); at++) {
        exponent = exponent < 10000 ? exponent * 10 + (*at - '0') : exponent;
    }
    number->exponent += is_negative ? -exponent : exponent;
    return at;
}

// Where it ends; NULL if it is none.
static const char *
scan_number(const char *at, struct number *number)
{
    bool has_point = false;

    number->is_whole = true;
    number->is_negative = *at == '-';
    at += *at == '-' || *at == '+';
    for (; is_digit(*at) || (*at == '.' && !has_point); at++) {
        if (*at == '.') {
            has_point = true;
            number->is_whole = false;
            if (!is_digit(at[1])) {
                return NULL;
            }
        } else if (number->digits > (UINT64_MAX - 9) / 10) {
            number->is_inexact = true;
            number->exponent += has_point ? 0 : 1;
        } else {
            number->digits = number->digits * 10 + (uint64_t)(*at - '0');
            number->exponent -= has_point ? 1 : 0;
        }
    }
    if (*at == 'e' || *at == 'E') {
        number->is_whole = false;
        return read_exponent(at + 1, number);
    }
    return at;
}

static double
double_of(const struct number *number)
{
    long double real = (long double)number->digits;

    if (number->digits == 0) {
        return 0;
    }
    if (number->exponent < -400) {
        real = 0;
    } else if (number->exponent < 0) {
        real /= power_of_ten((uint32_t)-number->exponent);
    } else {
        uint32_t exponent = (uint32_t)number->exponent;

        real *= power_of_ten(exponent > 400 ? 400 : exponent);
    }
    return (double)(number->is_negative ? -real : real);
}

struct wf_filter_value
wf_filter_number(const struct wf_filter_token *token, bool *out_is_too_long)
{
    struct number number = {0};
    struct wf_filter_value value = {0};
    const char *end = scan_number(token->at, &number);
    uint64_t limit = (uint64_t)INT64_MAX + (number.is_negative ? 1 : 0);

    *out_is_too_long = false;
    if (end != token->at + token->len) {
        return value;
    }
    if (!number.is_whole) {
        value.type = WEFT_ATTRIBUTE_DOUBLE;
        value.real = double_of(&number);
    } else if (number.is_inexact || number.digits > limit) {
        *out_is_too_long = true;
    } else {
        value.type = WEFT_ATTRIBUTE_INT;
        value.integer = number.is_negative ? (int64_t)(0 - number.digits)
                                           : (int64_t)number.digits;
    }
    return value;
}
