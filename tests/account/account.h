// SPDX-License-Identifier: Apache-2.0
//
// account.h - what the checker of the order_meal example knows.
//
// It reads the orders, what the activities and the driver wrote, and what the
// store says at the end, and compares them. It shares no code with weft or with
// the example.
//
//   account.c  the command line and the table
//   books.c    reads the four files
//   rules.c    judges one order

#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <jansson.h>
#include <stddef.h>

// Something that must not be: part of an order's work is gone, or was done
// twice.
enum verdict { VERDICT_LOST, VERDICT_DOUBLED, VERDICT_COUNT };

// Milliseconds since 1970 between two processes: the first one's last word and
// the second one's first.
struct gap {
    json_int_t from;
    json_int_t to;
};

// One order, and all that was written of it, in the order of writing.
struct order {
    const char *id;
    json_t *plan;      // its line in the orders file
    json_t *attempts;  // lines of the activities' file
    json_t *events;    // lines of the signals' file
    json_t *instances; // lines of the export
    json_t *result;    // of the instance; borrowed; NULL: none
    json_int_t began_ms;
    json_int_t ended_ms;
};

struct activity_row {
    const char *name;
    size_t attempts, keys, failed, again;
};

struct signal_row {
    const char *name;
    size_t sent, again, acked, handled, late, refused;
};

#define ACTIVITIES_COUNT 8
#define SIGNALS_COUNT 6
#define REASONS_COUNT 5

struct account {
    struct order *orders;
    size_t orders_count;
    json_t *index; // id: where in orders
    struct gap *gaps;
    size_t gaps_count;
    size_t kills;
    json_int_t pace;

    struct activity_row activities[ACTIVITIES_COUNT];
    struct signal_row signals[SIGNALS_COUNT];
    size_t completed, compensated, unplanned;
    size_t reasons[REASONS_COUNT];
    size_t same_attempt;
    json_int_t charged_cents, refunded_cents, due_cents;
    size_t problems[VERDICT_COUNT];
};

extern const char *const account_reasons[REASONS_COUNT];

// books.c: read the files. Returns 0, with a message, if one cannot be opened
// or the orders make no sense. Lines that belong to nothing are problems.
int books_read(struct account *account, const char *orders,
               const char *activities, const char *signals, const char *export);
void books_free(struct account *account);

// rules.c: judge an order and add it to the table.
void rules_judge(struct account *account, struct order *order);

// account.c: count a problem and say it. id may be "".
void account_problem(struct account *account, enum verdict verdict,
                     const char *id, const char *format, ...);

// The member's text or number; "" or -1 if there is none.
const char *account_text(const json_t *object, const char *name);
json_int_t account_number(const json_t *object, const char *name);

#endif
