// SPDX-License-Identifier: Apache-2.0
//
// order_meal.h - what the files of the order_meal example share.
//
//   order_meal.c        the workflow: begin there
//   order_activities.c  the bank, the kitchen and the courier
//   order_main.c        makes a node of these
//   order_dry_run.c     asks whether the workflow fits what is under way
//   order_driver.c      plays the customers, restaurants and couriers
//   order_play.c        what they have to say, and what was said already
//   order_files.c       lines of JSON in append-only files

#ifndef ORDER_MEAL_H
#define ORDER_MEAL_H

#include <stdint.h>

#include "weft/weft.h"

// What the command line says.
struct meal_options {
    const char *data_dir;    // the node's
    const char *orders_path; // a JSON object a line
    const char *work_dir;    // for activities.jsonl and signals.jsonl
    const char *status_path; // NULL: none is kept
    uint64_t pace;           // so many times slower; 1 to play as written
    uint64_t seconds;        // give up after so long; 0: never
    int is_dry_run;          // only look
};

// order_meal.c --------------------------------------------------------------

// Add the workflow kind "order".
weft_err meal_add_workflow(weft_definitions *definitions);

// order_activities.c --------------------------------------------------------

// Add what the workflow calls. Each attempt leaves a line in the file fd.
weft_err meal_add_activities(weft_definitions *definitions, int fd);

// order_dry_run.c -----------------------------------------------------------

// Try the definitions on the orders of a stopped node, and print what is found.
//
// WEFT_EDIVERGED  some would not go on
weft_err meal_dry_run(const char *data_dir,
                      const weft_definitions *definitions);

// order_driver.c ------------------------------------------------------------

// Place the orders, send what the people in them have to say, wait until all
// orders are finished. Goes on where an earlier process was killed.
//
// WEFT_ETIMEDOUT  not all are finished after options->seconds
weft_err driver_play(weft_node *node, const struct meal_options *options);

// order_files.c -------------------------------------------------------------

// Milliseconds since 1970.
uint64_t now_ms(void);

// Open work_dir/name for appending; -1 and a message if it cannot be done.
int lines_open(const char *work_dir, const char *name);

// Append the payload as one line of JSON, in one write: whole lines only, even
// from several threads and with a kill in between.
weft_err lines_append(int fd, const weft_payload *line);

// Call fn with every line of the file, as a payload, until it fails. A file
// that does not exist is empty.
typedef weft_err lines_fn(void *ctx, weft_bytes line);
weft_err lines_read(const char *path, lines_fn *fn, void *ctx);

// Replace the file's content, so that a reader sees the old or the new.
weft_err file_replace(const char *path, const char *text);

#endif
