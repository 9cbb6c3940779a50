// SPDX-License-Identifier: Apache-2.0
//
// books.c - read the four files and sort their lines by order.
//
// Every line gets a member "line", its number: what was written before what is
// the only clock that nobody can set.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"

// Takes the line.
typedef void line_fn(struct account *account, json_t *line);

const char *
account_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

json_int_t
account_number(const json_t *object, const char *name)
{
    const json_t *number = json_object_get(object, name);

    return json_is_integer(number) ? json_integer_value(number) : -1;
}

// Returns 0 if the file cannot be opened.
static int
read_lines(struct account *account, const char *path, line_fn *fn)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    json_int_t number = 0;
    ssize_t len;

    if (file == NULL) {
        perror(path);
        return 0;
    }
    while ((len = getline(&text, &size, file)) > 0) {
        json_t *line =
            json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);

        number++;
        if (!json_is_object(line)) {
            account_problem(account, VERDICT_LOST, "", "%s:%d is not readable",
                            path, (int)number);
            json_decref(line);
            continue;
        }
        json_object_set_new(line, "line", json_integer(number));
        fn(account, line);
    }
    free(text);
    fclose(file);
    return 1;
}

static struct order *
find_order(struct account *account, const char *id)
{
    const json_t *at = json_object_get(account->index, id);

    return at == NULL ? NULL : &account->orders[json_integer_value(at)];
}

static void
add_order(struct account *account, json_t *line)
{
    size_t count = account->orders_count;
    struct order *order;

    account->orders =
        realloc(account->orders, (count + 1) * sizeof(*account->orders));
    if (account->orders == NULL) {
        abort();
    }
    order = &account->orders[count];
    *order = (struct order){
        .id = account_text(line, "id"),
        .plan = line,
        .attempts = json_array(),
        .events = json_array(),
        .instances = json_array(),
    };
    if (find_order(account, order->id) != NULL) {
        account_problem(account, VERDICT_DOUBLED, order->id,
                        "is in the orders file twice");
    }
    json_object_set_new(account->index, order->id,
                        json_integer((json_int_t)count));
    account->orders_count++;
}

static void
add_attempt(struct account *account, json_t *line)
{
    struct order *order = find_order(account, account_text(line, "order"));

    if (order == NULL) {
        account_problem(account, VERDICT_DOUBLED, account_text(line, "order"),
                        "nobody ordered this %s",
                        account_text(line, "activity"));
        json_decref(line);
        return;
    }
    json_array_append_new(order->attempts, line);
}

static void
add_instance(struct account *account, json_t *line)
{
    struct order *order = find_order(account, account_text(line, "id"));

    if (strcmp(account_text(line, "kind"), "order") != 0) {
        json_decref(line);
        return;
    }
    if (order == NULL) {
        account_problem(account, VERDICT_DOUBLED, account_text(line, "id"),
                        "nobody placed this order");
        json_decref(line);
        return;
    }
    json_array_append_new(order->instances, line);
}

// A process began. Unless the one before it had closed, it was killed.
static void
add_open(struct account *account, const json_t *line, json_int_t last_ms,
         int was_closed)
{
    size_t count = account->gaps_count;

    if (last_ms != 0) {
        account->gaps =
            realloc(account->gaps, (count + 1) * sizeof(*account->gaps));
        if (account->gaps == NULL) {
            abort();
        }
        account->gaps[count].from = last_ms;
        account->gaps[count].to = account_number(line, "at");
        account->gaps_count++;
        account->kills += !was_closed;
    }
    account->pace = account_number(line, "pace");
}

static void
add_event(struct account *account, json_t *line)
{
    static json_int_t last_ms;
    static int was_closed;
    const char *what = account_text(line, "event");
    struct order *order = find_order(account, account_text(line, "order"));

    if (strcmp(what, "open") == 0) {
        add_open(account, line, last_ms, was_closed);
    }
    was_closed = strcmp(what, "close") == 0;
    last_ms = account_number(line, "at");
    if (order != NULL) {
        json_array_append_new(order->events, line);
        return;
    }
    if (strcmp(what, "open") != 0 && !was_closed) {
        account_problem(account, VERDICT_DOUBLED, account_text(line, "order"),
                        "the driver wrote of an order that is not there");
    }
    json_decref(line);
}

int
books_read(struct account *account, const char *orders, const char *activities,
           const char *signals, const char *export)
{
    account->index = json_object();
    account->pace = 1;
    if (!read_lines(account, orders, add_order)) {
        return 0;
    }
    if (account->orders_count == 0) {
        fprintf(stderr, "%s: no orders\n", orders);
        return 0;
    }
    return read_lines(account, activities, add_attempt) &&
           read_lines(account, signals, add_event) &&
           read_lines(account, export, add_instance);
}

void
books_free(struct account *account)
{
    for (size_t i = 0; i < account->orders_count; i++) {
        json_decref(account->orders[i].plan);
        json_decref(account->orders[i].attempts);
        json_decref(account->orders[i].events);
        json_decref(account->orders[i].instances);
    }
    free(account->orders);
    free(account->gaps);
    json_decref(account->index);
}
