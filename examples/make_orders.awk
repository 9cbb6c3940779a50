# make_orders.awk - write orders.jsonl, the orders of the order_meal example.
#
#   awk -f make_orders.awk </dev/null >orders.jsonl
#
# Always the same 300 lines: chance is a small generator of our own, so every
# awk draws the same numbers. What an order's customer, restaurant and courier
# will do is in its line, in milliseconds after it is placed; null is never.

function chance(n) { # 0 to n - 1
    seed = (seed * 16807) % 2147483647
    return seed % n
}

function between(low, high) {
    return low + chance(high - low + 1)
}

function pick(list, parts) {
    return parts[1 + chance(split(list, parts, " "))]
}

function or_null(ms) {
    return ms < 0 ? "null" : ms
}

function make_items(   count, i, text, cents, number) {
    total = 0
    text = ""
    count = between(1, 4)
    for (i = 1; i <= count; i++) {
        cents = 50 * between(5, 40)
        number = between(1, 3)
        total += cents * number
        text = text (i > 1 ? "," : "") sprintf( \
            "{\"dish\":\"%s\",\"count\":%d,\"cents\":%d}", \
            pick("soup curry pizza salad dumplings noodles tacos pie"), \
            number, cents)
    }
    return "[" text "]"
}

# What goes wrong with this order: a story for each share of a hundred.
function choose_story(   share) {
    card = "good"
    confirm = between(100, 500)
    picked = confirm + between(350, 900)
    delivered = picked + between(400, 1400)
    cancel = -1
    cancel_by = "signal"
    review = delivered + between(200, 700)
    stars = between(1, 5)

    share = chance(100)
    if (share < 12) {
        card = "flaky"
    } else if (share < 20) {
        card = "declined"
    } else if (share < 24) {
        confirm = -1
    } else if (share < 29) {
        picked = -1
    } else if (share < 37) {
        delivered = picked + between(2500, 3300)
        review = delivered + between(200, 700)
    } else if (share < 42) {
        delivered = -1
    } else if (share < 49) {
        cancel = between(20, confirm)
    } else if (share < 56) {
        cancel = between(confirm + 60, picked - 50)
    } else if (share < 61) {
        cancel = between(picked, delivered - 50)
    } else if (share < 64) {
        cancel = delivered + between(-40, 40) # anybody's guess
    } else if (share < 67) {
        cancel = delivered + between(60, 190) # too late
    }
    if (share >= 49 && chance(3) == 0) {
        cancel_by = "request"
    }
    if (chance(4) == 0) {
        review = -1
    }
}

BEGIN {
    seed = 20240607
    count = 300
    for (i = 1; i <= count; i++) {
        items = make_items()
        choose_story()
        if (i > count - 5) { # the last ones wait for a courier, in vain
            card = "good"
            confirm = 400
            picked = 1200
            cancel = delivered = -1
        }
        if (confirm < 0) {
            picked = -1
        }
        if (picked < 0) {
            delivered = -1
        }
        if (delivered < 0) {
            review = -1
        }
        printf "{\"id\":\"order-%03d\",\"customer\":\"%s\",", i, \
            pick("Ada Ben Chloe Dev Elif Femi Greta Hiro Ines Jun Kofi Lena")
        printf "\"items\":%s,\"cents\":%d,\"card\":\"%s\",", items, total, card
        printf "\"at_ms\":%d,", int((i - 1) * 15000 / count) + chance(40)
        printf "\"confirm_ms\":%s,\"picked_ms\":%s,\"delivered_ms\":%s,", \
            or_null(confirm), or_null(picked), or_null(delivered)
        printf "\"cancel_ms\":%s,\"cancel_by\":\"%s\",", \
            or_null(cancel), cancel_by
        printf "\"review_ms\":%s,\"stars\":%d}\n", or_null(review), stars
    }
}
