// SPDX-License-Identifier: Apache-2.0
//
// mailbox.c - letters in memory, and which of them are in rows. See mailbox.h.

#include "runtime/mailbox.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"

void
wf_mailbox_init(struct wf_mailbox *mailbox)
{
    *mailbox = (struct wf_mailbox){.first_seq = 1, .next_seq = 1};
    wf_list_init(&mailbox->letters);
}

void
wf_mailbox_fini(struct wf_mailbox *mailbox)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&mailbox->letters)) != NULL) {
        wf_free(WF_CONTAINER(node, struct wf_waiting, node));
    }
}

struct wf_waiting *
wf_mailbox_head(const struct wf_mailbox *mailbox)
{
    struct wf_list_node *node = wf_list_first(&mailbox->letters);
    struct wf_waiting *letter;

    if (node == NULL) {
        return NULL;
    }
    letter = WF_CONTAINER(node, struct wf_waiting, node);
    return letter->seq == mailbox->first_seq ? letter : NULL;
}

void
wf_mailbox_push(struct wf_mailbox *mailbox, weft_bytes letter)
{
    struct wf_waiting *waiting = wf_waiting_create(mailbox->next_seq++, letter);

    mailbox->bytes += waiting->len;
    wf_list_push_back(&mailbox->letters, &waiting->node);
}

void
wf_mailbox_push_first(struct wf_mailbox *mailbox, weft_bytes letter)
{
    struct wf_waiting *waiting =
        wf_waiting_create(--mailbox->first_seq, letter);

    mailbox->bytes += waiting->len;
    wf_list_push_front(&mailbox->letters, &waiting->node);
}

static void
drop(struct wf_mailbox *mailbox, struct wf_waiting *letter)
{
    mailbox->bytes -= letter->len;
    wf_list_remove(&mailbox->letters, &letter->node);
    wf_free(letter);
}

bool
wf_mailbox_pop(struct wf_mailbox *mailbox)
{
    struct wf_waiting *letter = wf_mailbox_head(mailbox);

    if (letter == NULL) {
        return false;
    }
    drop(mailbox, letter);
    mailbox->first_seq++;
    return true;
}

void
wf_mailbox_take(struct wf_mailbox *mailbox, struct wf_list *out_letters)
{
    struct wf_list_node *node;

    wf_list_init(out_letters);
    while ((node = wf_list_pop_front(&mailbox->letters)) != NULL) {
        wf_list_push_back(out_letters, node);
    }
    mailbox->bytes = 0;
    mailbox->first_seq = mailbox->next_seq;
}

bool
wf_mailbox_restore(struct wf_mailbox *mailbox, uint64_t seq, weft_bytes letter,
                   bool has_row)
{
    struct wf_waiting *waiting;
    struct wf_list *letters = &mailbox->letters;
    struct wf_list_node *before = letters->head.prev;
    struct wf_list later;

    if (seq < mailbox->first_seq || seq >= mailbox->next_seq) {
        return false;
    }
    waiting = wf_waiting_create(seq, letter);
    waiting->has_row = has_row;
    mailbox->bytes += waiting->len;
    wf_list_init(&later);
    while (letters->count > 0 &&
           WF_CONTAINER(before, struct wf_waiting, node)->seq > seq) {
        wf_list_remove(letters, before);
        wf_list_push_front(&later, before);
        before = letters->head.prev;
    }
    wf_list_push_back(letters, &waiting->node);
    while (later.count > 0) {
        wf_list_push_back(letters, wf_list_pop_front(&later));
    }
    return true;
}

void
wf_mailbox_came_back(struct wf_mailbox *mailbox, uint64_t count)
{
    mailbox->gone_from += count;
    if (mailbox->gone_from >= mailbox->gone_to) {
        mailbox->gone_from = 0;
        mailbox->gone_to = 0;
    }
}

bool
wf_mailbox_is_overfull(const struct wf_mailbox *mailbox)
{
    return mailbox->letters.count > WF_MAILBOX_MEMORY_MAX ||
           mailbox->bytes > WF_MAILBOX_MEMORY_BYTES;
}

// The first letter behind the first page.
static uint64_t
page_end(const struct wf_mailbox *mailbox)
{
    const struct wf_list_node *node = wf_list_first(&mailbox->letters);
    uint64_t end = mailbox->first_seq;
    uint64_t bytes = 0;

    while (node != NULL && end < mailbox->first_seq + WF_MAILBOX_PAGE &&
           bytes < WF_MAILBOX_PAGE_BYTES) {
        const struct wf_waiting *letter =
            WF_CONTAINER(node, struct wf_waiting, node);

        bytes += letter->len;
        end = letter->seq + 1;
        node = wf_list_next(&mailbox->letters, node);
    }
    return end;
}

bool
wf_mailbox_takes_row(const struct wf_mailbox *mailbox,
                     const struct wf_waiting *letter)
{
    bool has_rows = mailbox->row_from < mailbox->row_to;

    if (letter->has_row) {
        return false;
    }
    // Rows are one stretch: once there are some, what comes behind joins them.
    return has_rows ? letter->seq >= mailbox->row_from
                    : wf_mailbox_is_overfull(mailbox) &&
                          letter->seq >= page_end(mailbox);
}

void
wf_mailbox_gave_row(struct wf_mailbox *mailbox, struct wf_waiting *letter)
{
    if (mailbox->row_from >= mailbox->row_to) {
        mailbox->row_from = letter->seq;
    }
    if (letter->seq >= mailbox->row_to) {
        mailbox->row_to = letter->seq + 1;
    }
    letter->has_row = true;
}

void
wf_mailbox_let_go(struct wf_mailbox *mailbox)
{
    uint64_t keep_to =
        wf_mailbox_has_gone(mailbox) ? mailbox->gone_to : page_end(mailbox);
    struct wf_list_node *node = wf_list_first(&mailbox->letters);

    while (node != NULL) {
        struct wf_waiting *letter = WF_CONTAINER(node, struct wf_waiting, node);

        node = wf_list_next(&mailbox->letters, node);
        if (letter->seq < keep_to || !letter->has_row) {
            continue;
        }
        if (!wf_mailbox_has_gone(mailbox)) {
            mailbox->gone_from = letter->seq;
        }
        mailbox->gone_to = letter->seq + 1;
        drop(mailbox, letter);
    }
    wf_mailbox_check(mailbox);
}

void
wf_mailbox_check(const struct wf_mailbox *mailbox)
{
    uint64_t gone = mailbox->gone_to - mailbox->gone_from;

    if (wf_mailbox_has_gone(mailbox)) {
        WF_ASSERT(mailbox->first_seq <= mailbox->gone_from); // M1
        WF_ASSERT(mailbox->gone_to <= mailbox->next_seq);    // M1
        WF_ASSERT(mailbox->row_from <= mailbox->gone_from);  // M2
        WF_ASSERT(mailbox->gone_to <= mailbox->row_to);      // M2
    }
    WF_ASSERT(mailbox->letters.count + gone == wf_mailbox_count(mailbox)); // M3
    WF_ASSERT(mailbox->letters.count > 0 || mailbox->bytes == 0);          // M4
}
