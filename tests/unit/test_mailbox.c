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
