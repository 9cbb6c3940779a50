// SPDX-License-Identifier: Apache-2.0
//
// commands.c - the table of commands: what there is, and all that is said of
// it. Help, completions and the page of the manual are made of it (help.c), and
// who asks a node takes the options that are here and no others (args.c).

#include <string.h>

#include "cli.h"
#include "online.h"

// Options that several have. ------------------------------------------------

static const struct cli_option node_options[] = {
    {"address", 'a', "A",
     "where the node listens, tcp://HOST:PORT or ipc://PATH;\n"
     "$WEFT_ADDRESS, else tcp://127.0.0.1:7400"},
    {"namespace", 'n', "N",
     "$WEFT_NAMESPACE, else the first that the node allows"},
    {"key", 0, "FILE", "your secret key, for a node with keys; $WEFT_KEY"},
    {"server-key", 0, "FILE",
     "the node's public key, or its characters;\n$WEFT_SERVER_KEY"},
    {"cipher", 0, "FILE",
     "key ring that seals and opens payloads; $WEFT_CIPHER"},
    {"cipher-context", 0, "TEXT", "of it; $WEFT_CIPHER_CONTEXT"},
    {"timeout", 't', "T",
     "wait so long for the node, and for its answer: 5, 500ms,\n"
     "2min, 1h; default 10 s for the node, 30 s for the answer"},
    {"json", 'j', NULL, "JSON, an object a line"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option number_options[] = {
    {"client", 0, "HEX", "whose request it was that had no answer in time"},
    {"number", 0, "N", "which one: it is asked once more, and done once"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option start_options_of[] = {
    {"reuse", 0, "R",
     "one of that id has finished: allow (default),\n"
     "after-failure, reject"},
    {"conflict", 0, "C",
     "one of that id runs: fail (default), use-existing,\n"
     "terminate-existing"},
    {"delay", 0, "T", "begin after that long; forever: when it is signalled"},
    {"run-timeout", 0, "T", "how long one run may take"},
    {"execution-timeout", 0, "T", "how long all its runs together may take"},
    {"version", 0, "N", "the version of the workflow to stay with"},
    {"memo", 0, "K=V", "shown beside it; V is JSON, or text"},
    {"attribute", 0, "K:TYPE=V",
     "to find it by; TYPE is keyword, text, int, double, bool\n"
     "or time"},
    {"header", 0, "K=V", "travels along; V is text"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option by_options[] = {
    {"why", 0, "TEXT", "recorded with it"},
    {"who", 0, "NAME", "who does it; default user@host"},
    {NULL, 0, NULL, NULL},
};

// Options of one. -----------------------------------------------------------

static const struct cli_option raw_options[] = {
    {"raw", 0, "FILE", "these bytes instead of JSON; - is stdin"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option message_options[] = {
    {"raw", 0, "FILE", "these bytes instead of JSON; - is stdin"},
    {"header", 0, "K=V", "travels along; V is text"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option signal_options[] = {
    {"raw", 0, "FILE", "these bytes instead of JSON; - is stdin"},
    {"start", 0, "JSON",
     "start it with this input if it does not run;\n"
     "how, say the options of a start"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option update_options[] = {
    {"raw", 0, "FILE", "these bytes instead of JSON; - is stdin"},
    {"start", 0, "JSON",
     "start it with this input if it does not run;\n"
     "how, say the options of a start"},
    {"id", 0, "ID", "done once in its life, whoever asks again with it"},
    {"accepted", 0, NULL, "answer when it is accepted; needs --id"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option result_options[] = {
    {"follow", 'F', NULL, "show what changes meanwhile, and what it publishes"},
    {"full", 'f', NULL, "values in full"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option list_options[] = {
    {"filter", 'w', "F", "what the filter matches: docs/filter.md"},
    {"kind", 'k', "K", "only of this kind"},
    {"status", 's', "S",
     "running, parked, paused, completed, failed, cancelled,\n"
     "terminated or timed_out"},
    {"limit", 'l', "N", "at most so many; default 100"},
    {"all", 0, NULL, "all of them"},
    {"count", 'c', NULL, "only how many there are"},
    {"group-by", 'g', "F", "how many for each value of a field"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option show_options[] = {
    {"all", 0, NULL,
     "journal, mailbox and published values too; the node\n"
     "has to allow exports"},
    {"full", 'f', NULL, "payloads in full"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option reset_options[] = {
    {"to", 0, "POINT",
     "entry:N of its journal, first-failed, last-activity,\n"
     "beginning"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option delete_options[] = {
    {"force", 0, NULL, "also if it runs: it is terminated"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option fail_options[] = {
    {"retry-after", 0, "T", "the next attempt begins after that long"},
    {"final", 0, NULL, "there is no next attempt"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option batch_options[] = {
    {"filter", 'w', "F", "what the filter matches: docs/filter.md"},
    {"dry-run", 0, NULL, "only say how many match"},
    {"rate", 0, "N", "at most so many a second"},
    {"cursor", 0, "C", "go on where an earlier one ended"},
    {"to", 0, "POINT",
     "entry:N of its journal, first-failed, last-activity,\n"
     "beginning"},
    {"force", 0, NULL, "delete: also those that run"},
    {"raw", 0, "FILE", "these bytes instead of JSON; - is stdin"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option top_options[] = {
    {"interval", 'i', "T", "look again so often; default 1 s"},
    {"once", 0, NULL, "one look"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option cluster_options[] = {
    {"partitions", 'p', "N", "init: so many, for ever; default 64"},
    {"node", 0, "NODE", "init without a database: whose directory it is"},
    {"data", 0, "DIR", "init without a database: the directory"},
    {"snapshots", 0, "PLACE", "import: where they are kept; default pg:"},
    {"full", 'f', NULL, "status: each partition too"},
    {"json", 'j', NULL, "status: JSON"},
    {"no-wait", 0, NULL, "drain: do not wait until it has none"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option keygen_options[] = {
    {"cipher", 'c', NULL,
     "a key for payloads instead: FILE is a key ring with\n"
     "one new key, and there is no FILE.pub"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option inspect_options_of[] = {
    {"kind", 'k', "K", "only of this kind"},
    {"status", 's', "S",
     "running, parked, paused, completed, failed, cancelled,\n"
     "terminated or timed_out"},
    {"namespace", 'n', "N", "only of this namespace; for one: default"},
    {"filter", 'w', "F", "only what the filter matches: docs/filter.md"},
    {"count", 'c', NULL, "only how many there are"},
    {"group-by", 'g', "F", "how many for each value of a field"},
    {"limit", 'l', "N", "list at most N; default 100, 0: all"},
    {"json", 'j', NULL, "JSON"},
    {"export", 'e', NULL, "a JSON object a line, each with all of one"},
    {"letters", 'd', NULL, "dead letters instead: messages nobody took"},
    {"full", 'f', NULL, "payloads in full"},
    {"accept-loss", 0, NULL, "also if the newest commits are missing"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option verify_options[] = {
    {"quiet", 'q', NULL, "only the problems"},
    {"json", 'j', NULL, "JSON"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option backup_options[] = {
    {"timeout", 't', "S", "wait S seconds for a running node; default 60"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option capsule_options[] = {
    {"namespace", 'n', "N", "of this namespace; default: default"},
    {"json", 'j', NULL, "JSON"},
    {"full", 'f', NULL, "payloads in full"},
    {NULL, 0, NULL, NULL},
};

// The table. ----------------------------------------------------------------

static const struct command commands[] = {
    {
        .name = "start",
        .arguments = "KIND ID [JSON]",
        .summary = "start an instance",
        .help = "Starts a workflow or an actor with JSON as its input.\n"
                "@FILE and - read it from a file or stdin.\n",
        .options = raw_options,
        .flags = HAS_NODE | HAS_START | HAS_NUMBER,
        .ask = start_ask,
        .words = {2, 3},
    },
    {
        .name = "signal",
        .arguments = "KIND/ID NAME [JSON]",
        .summary = "send a signal",
        .help = "Sends the signal NAME, with JSON as its payload. @FILE and\n"
                "- read it from a file or stdin. The kind ends at the first\n"
                "slash.\n",
        .options = signal_options,
        .flags = HAS_NODE | HAS_START | HAS_NUMBER,
        .ask = signal_ask,
        .words = {2, 3},
    },
    {
        .name = "query",
        .arguments = "KIND/ID NAME [JSON]",
        .summary = "ask what it has published, or its code",
        .help = "Prints the published value NAME, or what the code answers\n"
                "to the query NAME with JSON as its argument. It changes\n"
                "nothing.\n",
        .options = raw_options,
        .flags = HAS_NODE,
        .ask = query_ask,
        .words = {2, 3},
    },
    {
        .name = "ask",
        .arguments = "KIND/ID NAME [JSON]",
        .summary = "ask an actor, and print its answer",
        .help = "Sends NAME with JSON as its payload, and prints what the\n"
                "actor replies.\n",
        .options = message_options,
        .flags = HAS_NODE | HAS_NUMBER,
        .ask = ask_ask,
        .words = {2, 3},
    },
    {
        .name = "update",
        .arguments = "KIND/ID NAME [JSON]",
        .summary = "ask a workflow to do something now",
        .help = "Sends the update NAME with JSON as its payload, and prints\n"
                "the answer when it is done. It may be refused.\n",
        .options = update_options,
        .flags = HAS_NODE | HAS_START | HAS_NUMBER,
        .ask = update_ask,
        .words = {2, 3},
    },
    {
        .name = "result",
        .arguments = "KIND/ID",
        .summary = "wait until it has finished",
        .help = "Waits, for ever if no --timeout is given, and prints the\n"
                "result. If it did not complete the status is 1, and the\n"
                "failure is said on stderr.\n",
        .options = result_options,
        .flags = HAS_NODE,
        .ask = result_ask,
        .words = {1, 1},
    },
    {
        .name = "list",
        .arguments = "",
        .summary = "list instances, or count them",
        .help = "Lists the instances that match all that is asked for.\n",
        .options = list_options,
        .flags = HAS_NODE,
        .ask = list_ask,
        .words = {0, 0},
    },
    {
        .name = "show",
        .arguments = "KIND/ID",
        .summary = "show one instance",
        .help = "Shows what the node knows of it, and its open activities.\n",
        .options = show_options,
        .flags = HAS_NODE,
        .ask = show_ask,
        .words = {1, 1},
    },
    {
        .name = "cancel",
        .arguments = "KIND/ID",
        .summary = "ask it to stop",
        .help = "Asks the code to stop. It may take its time, clean up, or\n"
                "go on.\n",
        .flags = HAS_NODE | HAS_BY | HAS_NUMBER,
        .ask = operate_ask,
        .words = {1, 1},
    },
    {
        .name = "terminate",
        .arguments = "KIND/ID",
        .summary = "end it at once",
        .help = "Ends it; none of its code runs any more. Its failure has\n"
                "the reason.\n",
        .flags = HAS_NODE | HAS_BY | HAS_NUMBER,
        .ask = operate_ask,
        .words = {1, 1},
    },
    {
        .name = "pause",
        .arguments = "KIND/ID",
        .summary = "hold it up",
        .help = "Until it is resumed it runs no turns and begins no\n"
                "attempts. It takes messages.\n",
        .flags = HAS_NODE | HAS_BY | HAS_NUMBER,
        .ask = operate_ask,
        .words = {1, 1},
    },
    {
        .name = "resume",
        .arguments = "KIND/ID",
        .summary = "let it go on",
        .help = "Paused or parked, whoever did that.\n",
        .flags = HAS_NODE | HAS_BY | HAS_NUMBER,
        .ask = operate_ask,
        .words = {1, 1},
    },
    {
        .name = "park",
        .arguments = "KIND/ID",
        .summary = "hold it up as one with a problem",
        .help = "As weft itself parks what fails; the reason is who and\n"
                "why.\n",
        .flags = HAS_NODE | HAS_BY | NEEDS_WHY | HAS_NUMBER,
        .ask = operate_ask,
        .words = {1, 1},
    },
    {
        .name = "reset",
        .arguments = "KIND/ID",
        .summary = "let a workflow go on from an earlier point",
        .help = "A new run begins with the journal up to the point, also of\n"
                "a workflow that has finished.\n",
        .options = reset_options,
        .flags = HAS_NODE | HAS_BY | NEEDS_WHY | HAS_NUMBER,
        .ask = reset_ask,
        .words = {1, 1},
    },
    {
        .name = "fork",
        .arguments = "KIND/ID NEW_ID",
        .summary = "a new workflow from an earlier point of one",
        .help = "The new one begins with the journal up to the point and\n"
                "goes on on its own; the other one is not touched. The node\n"
                "has to allow exports.\n",
        .options = reset_options,
        .flags = HAS_NODE | HAS_BY | NEEDS_WHY,
        .ask = fork_ask,
        .words = {2, 2},
    },
    {
        .name = "retry-failed",
        .arguments = "KIND/ID",
        .summary = "try the step again that failed a workflow",
        .help = "Resets a workflow that has failed to just before the\n"
                "activity or child that failed it.\n",
        .flags = HAS_NODE | HAS_BY | NEEDS_WHY | HAS_NUMBER,
        .ask = operate_ask,
        .words = {1, 1},
    },
    {
        .name = "delete",
        .arguments = "KIND/ID",
        .summary = "remove one that has finished",
        .help = "Now, and not when its retention is over.\n",
        .options = delete_options,
        .flags = HAS_NODE | HAS_NUMBER,
        .ask = delete_ask,
        .words = {1, 1},
    },
    {
        .name = "batch",
        .arguments = "VERB [NAME [JSON]]",
        .summary = "the same to all that a filter matches",
        .help = "VERB is cancel, terminate, pause, resume, park, reset,\n"
                "retry-failed, delete, or signal with its NAME and JSON.\n"
                "How far it is comes on stderr. The status is 1 if some of\n"
                "them could not be done.\n",
        .options = batch_options,
        .flags = HAS_NODE | HAS_BY,
        .ask = batch_ask,
        .words = {1, 3},
    },
    {
        .name = "activities",
        .arguments = "KIND/ID",
        .summary = "list its open activities",
        .help = "Shows those without a result, with their numbers.\n",
        .flags = HAS_NODE,
        .ask = activities_ask,
        .words = {1, 1},
    },
    {
        .name = "activity",
        .arguments = "VERB KIND/ID CALL",
        .summary = "pause, resume or reset an open activity",
        .help = "VERB is pause, resume or reset; CALL is the number that\n"
                "`weft activities` shows. Reset: its attempts count from 1\n"
                "again, and one begins at once.\n",
        .flags = HAS_NODE | HAS_BY | NEEDS_WHY | HAS_NUMBER,
        .ask = activity_ask,
        .words = {3, 3},
    },
    {
        .name = "complete",
        .arguments = "TOKEN [JSON]",
        .summary = "give an activity its result",
        .help = "Of an activity that completes by token; the first one\n"
                "counts.\n",
        .options = raw_options,
        .flags = HAS_NODE | HAS_NUMBER,
        .ask = complete_ask,
        .words = {1, 2},
    },
    {
        .name = "fail",
        .arguments = "TOKEN NAME [TEXT]",
        .summary = "let an attempt of an activity fail",
        .help = "Of an activity that completes by token. NAME is the\n"
                "failure, TEXT its message.\n",
        .options = fail_options,
        .flags = HAS_NODE | HAS_NUMBER,
        .ask = fail_ask,
        .words = {2, 3},
    },
    {
        .name = "top",
        .arguments = "",
        .summary = "watch how many instances there are",
        .help = "Counts of each kind and status, how many are new and ended\n"
                "in a second, and which are parked and why. On a terminal\n"
                "it looks again and again; else once, if no --interval is\n"
                "given. Each look goes through all instances.\n",
        .options = top_options,
        .flags = HAS_NODE,
        .ask = top_ask,
        .words = {0, 0},
    },
    {
        .group = GROUP_STOPPED,
        .name = "inspect",
        .arguments = "DIR [KIND/ID]",
        .summary = "show what is in a node's directory",
        .help = "Lists the actors and workflows in DIR, or shows one. DIR\n"
                "is the directory of a node that does not run.\n",
        .status = "Status: 0; 1: there is no such actor; 2: DIR cannot be\n"
                  "read.\n",
        .options = inspect_options_of,
        .run = inspect_run,
    },
    {
        .group = GROUP_STOPPED,
        .name = "verify",
        .arguments = "DIR",
        .summary = "check everything that is in a node's directory",
        .help = "Checks the beacon, every block, the whole log and every\n"
                "row of DIR, the directory of a node that does not run, and\n"
                "that they fit each other. Changes nothing.\n",
        .status = "Status: 0: clean; 1: there are problems; 2: DIR cannot be\n"
                  "read.\n",
        .options = verify_options,
        .run = verify_run,
    },
    {
        .group = GROUP_STOPPED,
        .name = "backup",
        .arguments = "DIR TO",
        .summary = "copy the directory of a node",
        .help = "Copies DIR to TO, which must not exist. TO is there in the\n"
                "end either whole or not at all. A node that runs on DIR is\n"
                "asked to make the copy itself: TO is then made with its\n"
                "rights, and DIR must be one that you may write in.\n",
        .status = "Status: 0; 2: nothing was copied, or the node did not\n"
                  "answer.\n",
        .options = backup_options,
        .run = backup_run,
    },
    {
        .group = GROUP_STOPPED,
        .name = "restore",
        .arguments = "FROM TO",
        .summary = "make a node's directory from a backup",
        .help = "Verifies the backup FROM, copies it to TO, which must not\n"
                "exist, marks the copy as restored and verifies it. A node\n"
                "can be opened on TO then; FROM stays as it is.\n",
        .status = "Status: 0; 1: the backup has problems; 2: it could not be\n"
                  "done.\n",
        .run = restore_run,
    },
    {
        .group = GROUP_STOPPED,
        .name = "capsule",
        .arguments = "[DIR KIND/ID] FILE",
        .summary = "put one instance into a file, or show such a file",
        .help = "Writes the actor or workflow of DIR, the directory of a\n"
                "node that does not run, into FILE, which must not exist.\n"
                "With FILE alone, shows what is in it. A program lets a\n"
                "capsule go on elsewhere with weft_client_import, and\n"
                "replays it with weft_replay_check.\n",
        .status = "Status: 0; 1: there is no such actor; 2: it could not be\n"
                  "done.\n",
        .options = capsule_options,
        .run = capsule_run,
    },
    {
        .group = GROUP_OTHER,
        .name = "cluster",
        .arguments = "VERB DATABASE [WORD...]",
        .summary = "several nodes as one",
        .help =
            "init DATABASE            make it ready for a cluster\n"
            "import DATABASE DIR      move a stopped node's directory into it\n"
            "status DATABASE          who is there, and has how much\n"
            "drain DATABASE NODE      NODE gives away all it has; how far\n"
            "                         it is comes on stderr\n"
            "undrain DATABASE NODE    NODE takes part again\n"
            "move DATABASE PART NODE  NODE is to have the partition;\n"
            "                         without NODE whoever has room\n"
            "rebalance DATABASE       drop such plans, and say how far it is\n"
            "                         until all are where there is room\n"
            "forget DATABASE NODE     NODE is gone for good\n"
            "DATABASE is what libpq takes: postgres://USER@HOST/NAME.\n"
            "Without a database it says where nodes answer each other:\n"
            "local:A=tcp://HOST:PORT,B=tcp://HOST:PORT. Then init is called\n"
            "for each of them, with --node and --data, where it runs.\n",
        .status = "Status: 0; 2: it could not be done.\n",
        .options = cluster_options,
        .run = cluster_run,
    },
    {
        .group = GROUP_OTHER,
        .name = "keygen",
        .arguments = "FILE",
        .summary = "make a key pair for a node or a client",
        .help = "Makes a new key pair: FILE has the secret key, for its\n"
                "owner alone, FILE.pub the public one, which it prints.\n"
                "Neither must exist. docs/security.md says what to do with\n"
                "them.\n",
        .status = "Status: 0; 2: nothing was made.\n",
        .options = keygen_options,
        .run = keygen_run,
    },
    {
        .group = GROUP_OTHER,
        .name = "version",
        .arguments = "",
        .summary = "say which version this is",
        .help = "Prints the version.\n",
        .status = "Status: 0.\n",
        .run = version_run,
    },
    {
        .group = GROUP_OTHER,
        .name = "help",
        .arguments = "[COMMAND]",
        .summary = "say what there is",
        .help = "Prints the list of commands, or what one does.\n",
        .status = "Status: 0; 2: there is no such command.\n",
        .run = help_run,
    },
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *
commands_at(size_t i)
{
    return i < COMMANDS_COUNT ? &commands[i] : NULL;
}

const struct command *
commands_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

const struct cli_option *
commands_option(const struct command *command, size_t i)
{
    const struct cli_option *sets[] = {
        command->options,
        (command->flags & HAS_START) != 0 ? start_options_of : NULL,
        (command->flags & HAS_BY) != 0 ? by_options : NULL,
        (command->flags & HAS_NODE) != 0 ? node_options : NULL,
        (command->flags & HAS_NUMBER) != 0 ? number_options : NULL,
    };

    for (size_t set = 0; set < sizeof(sets) / sizeof(sets[0]); set++) {
        const struct cli_option *option = sets[set];

        for (; option != NULL && option->name != NULL; option++) {
            if (i-- == 0) {
                return option;
            }
        }
    }
    return NULL;
}
