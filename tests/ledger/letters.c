// SPDX-License-Identifier: Apache-2.0
//
// letters.c - what nodes say to each other: views, questions, and answers,
// which are lost, doubled and late while it is not calm.

#include <string.h>

#include "ledger/world.h"

enum { PIECE = 150 }; // bytes of an answer, or a little more

void
letters_drop(struct world *world, uint32_t index)
{
    wf_buf_fini(&world->letters[index].bytes);
    world->letters[index] = world->letters[--world->letters_count];
}

void
letters_post(struct world *world, struct letter letter)
{
    if (world->letters_count == LETTERS_MAX) {
        letters_drop(world, (uint32_t)world_below(world, LETTERS_MAX));
    }
    world->letters[world->letters_count++] = letter;
}

void
letters_tell(struct world *world, struct node *from, uint32_t to)
{
    struct letter letter = {.type = VIEW, .from = from->index, .to = to};
    struct wf_ledger_view view = {0};

    wf_ledger_view(from->ledger, &view);
    wf_ledger_view_encode(&view, &letter.bytes);
    wf_ledger_view_fini(&view);
    letters_post(world, letter);
}

void
letters_ask(struct world *world, struct node *from, uint32_t to,
            uint32_t partition)
{
    struct letter letter = {
        .type = ASK,
        .from = from->index,
        .to = to,
        .life = world->lives[from->index],
    };

    if (wf_ledger_ask(from->ledger, partition, world_below(world, 4) > 0,
                      &letter.ask)) {
        letters_post(world, letter);
    }
}

static void
hear_view(struct world *world, struct node *node, const struct letter *letter)
{
    struct wf_ledger_view told;
    weft_err err;

    world_must(world,
               wf_ledger_view_decode(wf_buf_bytes(&letter->bytes), &told) ==
                   WEFT_OK,
               "a view is read");
    err = wf_ledger_hear(node->ledger, &told);
    world_must(world, err == WEFT_OK || err == WEFT_EIO || err == WEFT_EBUSY,
               "nobody has lost anything");
    wf_ledger_view_fini(&told);
}

static void
answer(struct world *world, struct node *node, const struct letter *letter)
{
    struct letter reply = {
        .type = ANSWER,
        .from = node->index,
        .to = letter->from,
        .life = letter->life,
        .ask = letter->ask,
    };
    uint64_t lag;

    if (wf_ledger_serve(node->ledger, &letter->ask, PIECE, &reply.bytes,
                        &lag) == WEFT_OK) {
        letters_post(world, reply);
    } else {
        wf_buf_fini(&reply.bytes);
    }
}

static void
take_in(struct world *world, struct node *node, const struct letter *letter)
{
    enum wf_ledger_progress progress;
    weft_err err;

    if (letter->life != world->lives[node->index]) {
        return; // the socket that it was for is gone
    }
    err = wf_ledger_receive(node->ledger, &letter->ask,
                            world->nodes[letter->from].id,
                            wf_buf_bytes(&letter->bytes), &progress);
    world_must(world, err != WEFT_ECORRUPT, "answers are whole");
    world->moves += err == WEFT_OK && progress == WF_LEDGER_TAKEN;
}

void
letters_deliver(struct world *world, uint32_t index)
{
    struct letter letter = world->letters[index];
    struct node *node = &world->nodes[letter.to];
    bool is_kept = !world->is_calm && world_below(world, 5) == 0; // doubled

    if (node->ledger != NULL) {
        if (letter.type == VIEW) {
            hear_view(world, node, &letter);
        } else if (letter.type == ASK) {
            answer(world, node, &letter);
        } else {
            take_in(world, node, &letter);
        }
    }
    // What was posted meanwhile may have moved it.
    for (uint32_t i = 0; !is_kept && i < world->letters_count; i++) {
        if (world->letters[i].bytes.data == letter.bytes.data &&
            memcmp(&world->letters[i].ask, &letter.ask, sizeof(letter.ask)) ==
                0 &&
            world->letters[i].type == letter.type &&
            world->letters[i].to == letter.to &&
            world->letters[i].from == letter.from) {
            letters_drop(world, i);
            break;
        }
    }
}
