// SPDX-License-Identifier: Apache-2.0
//
// filter_time.c - times as text, as filters have them (RFC 3339).

#include "base/bytes.h"
#include "runtime/filter.h"

#define DAY_MS 86400000LL

struct scan {
    const char *at;
    const char *end;
    bool failed;
};

static bool
takes(struct scan *scan, char c)
{
    bool is_there = scan->at < scan->end && *scan->at == c;

    scan->at += is_there ? 1 : 0;
    return is_there;
}

static void
must_take(struct scan *scan, char c)
{
    scan->failed = !takes(scan, c) || scan->failed;
}

// So many digits, within a range.
static int64_t
number(struct scan *scan, int digits, int64_t low, int64_t high)
{
    int64_t value = 0;

    for (int i = 0; i < digits; i++) {
        if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9') {
            scan->failed = true;
            return low;
        }
        value = value * 10 + (*scan->at++ - '0');
    }
    scan->failed = scan->failed || value < low || value > high;
    return value;
}

// Days since 1970-01-01; years begin in March, so that leap days come last.
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = year - (month <= 2 ? 1 : 0);
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 +
           of_year - 719468;
}

static int64_t
days_in(int64_t year, int64_t month)
{
    return month == 12 ? 31
                       : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

static int64_t
scan_date(struct scan *scan)
{
    int64_t year = number(scan, 4, 1, 9999);
    int64_t month;
    int64_t day;

    must_take(scan, '-');
    month = number(scan, 2, 1, 12);
    must_take(scan, '-');
    day = scan->failed ? 1 : number(scan, 2, 1, days_in(year, month));
    return days_of(year, month, day) * DAY_MS;
}

// Digits beyond milliseconds are dropped.
static int64_t
scan_fraction(struct scan *scan)
{
    int64_t ms = 0;
    int64_t unit = 100;

    if (!takes(scan, '.')) {
        return 0;
    }
    ms = number(scan, 1, 0, 9) * unit;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        unit /= 10;
        ms += (*scan->at++ - '0') * unit;
    }
    return ms;
}

static int64_t
scan_zone(struct scan *scan)
{
    bool is_ahead = takes(scan, '+');
    int64_t minutes;

    if (!is_ahead && !takes(scan, '-')) {
        (void)(takes(scan, 'Z') || takes(scan, 'z'));
        return 0;
    }
    minutes = number(scan, 2, 0, 23) * 60;
    must_take(scan, ':');
    minutes += number(scan, 2, 0, 59);
    return is_ahead ? -minutes * 60000 : minutes * 60000;
}

static int64_t
scan_clock(struct scan *scan)
{
    int64_t ms = number(scan, 2, 0, 23) * 3600000;

    must_take(scan, ':');
    ms += number(scan, 2, 0, 59) * 60000;
    if (takes(scan, ':')) {
        ms += number(scan, 2, 0, 60) * 1000; // 60: a leap second
        ms += scan_fraction(scan);
    }
    return ms + scan_zone(scan);
}

bool
wf_filter_parse_time(weft_bytes text, uint64_t *out_ms)
{
    struct scan scan = {
        .at = text.data,
        .end = (const char *)text.data + text.len,
    };
    int64_t ms = scan_date(&scan);

    if (takes(&scan, 'T') || takes(&scan, 't') || takes(&scan, ' ')) {
        ms += scan_clock(&scan);
    }
    if (scan.failed || scan.at != scan.end) {
        return false;
    }
    *out_ms = ms < 0 ? 0 : (uint64_t)ms;
    return true;
}
