// SPDX-License-Identifier: Apache-2.0

#include "runtime/mailbox.h"

#include "base/limits.h"
#include "support/test.h"

enum { LETTERS = WF_MAILBOX_MEMORY_MAX + 500 };

static void
push(struct wf_mailbox *mailbox, uint32_t count)
{
    while (count-- > 0) {
        wf_mailbox_push(mailbox, weft_text("letter"));
    }
}

// As a save does; returns how many got a row.
static uint32_t
save(struct wf_mailbox *mailbox)
{
    struct wf_list_node *node = wf_list_first(&mailbox->letters);
    uint32_t rows = 0;

    for (; node != NULL; node = wf_list_next(&mailbox->letters, node)) {
        struct wf_waiting *letter = WF_CONTAINER(node, struct wf_waiting, node);

        if (wf_mailbox_takes_row(mailbox, letter)) {
            wf_mailbox_gave_row(mailbox, letter);
            rows++;
        }
    }
    return rows;
}

TEST(mailbox, only_letters_that_have_rows_leave_memory)
{
    struct wf_mailbox mailbox;
    uint32_t rows;

    wf_mailbox_init(&mailbox);
    push(&mailbox, LETTERS);
    wf_mailbox_let_go(&mailbox); // nothing was saved yet
    CHECK_EQ(mailbox.letters.count, LETTERS);
    CHECK(!wf_mailbox_has_gone(&mailbox));
    rows = save(&mailbox);
    CHECK(rows > 0 && rows < LETTERS);
    push(&mailbox, 7); // they came while the rows were written
    wf_mailbox_let_go(&mailbox);
    wf_mailbox_check(&mailbox);
    CHECK_EQ(mailbox.letters.count, LETTERS - rows + 7);
    CHECK_EQ(mailbox.gone_to - mailbox.gone_from, rows);
    CHECK_EQ(wf_mailbox_count(&mailbox), LETTERS + 7);
    wf_mailbox_fini(&mailbox);
}

static void
check_next(struct wf_mailbox *mailbox, uint64_t seq)
{
    CHECK(wf_mailbox_head(mailbox) != NULL);
    CHECK_EQ(wf_mailbox_head(mailbox)->seq, seq);
    CHECK(wf_mailbox_pop(mailbox));
}

// What came behind those that are in rows only does not overtake them, and they
// may come back in any order.
TEST(mailbox, letters_that_left_memory_keep_their_place)
{
    struct wf_mailbox mailbox;
    uint64_t from;
    uint64_t to;

    wf_mailbox_init(&mailbox);
    push(&mailbox, LETTERS);
    (void)save(&mailbox);
    wf_mailbox_let_go(&mailbox);
    push(&mailbox, 2);
    from = mailbox.gone_from;
    to = mailbox.gone_to;
    for (uint64_t seq = mailbox.first_seq; seq < from; seq++) {
        check_next(&mailbox, seq);
    }
    CHECK_EQ(mailbox.letters.count, 2);
    CHECK(wf_mailbox_head(&mailbox) == NULL);
    CHECK(!wf_mailbox_pop(&mailbox));
    for (uint64_t seq = to; seq-- > from;) {
        CHECK(wf_mailbox_restore(&mailbox, seq, weft_text("letter"), true));
    }
    wf_mailbox_came_back(&mailbox, to - from);
    CHECK(!wf_mailbox_has_gone(&mailbox));
    wf_mailbox_check(&mailbox);
    for (uint64_t seq = from; seq < to + 2; seq++) {
        check_next(&mailbox, seq);
    }
    CHECK_EQ(wf_mailbox_count(&mailbox), 0);
    wf_mailbox_fini(&mailbox);
}

TEST(mailbox, a_letter_that_is_not_of_it_does_not_come_back)
{
    struct wf_mailbox mailbox;

    wf_mailbox_init(&mailbox);
    push(&mailbox, 3);
    CHECK(wf_mailbox_pop(&mailbox));
    CHECK(!wf_mailbox_restore(&mailbox, mailbox.first_seq - 1,
                              weft_text("handled"), true));
    CHECK(!wf_mailbox_restore(&mailbox, mailbox.next_seq, weft_text("later"),
                              true));
    CHECK_EQ(mailbox.letters.count, 2);
    wf_mailbox_check(&mailbox);
    wf_mailbox_fini(&mailbox);
}
