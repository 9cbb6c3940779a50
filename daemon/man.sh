#!/bin/sh
# man.sh WEFTD - print weftd's page of the manual, made of what its --help says.
set -eu

# roff TEXT - as roff has it: no line is a request, no dash a hyphen.
roff() {
    sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"
}

cat <<'X'
.TH WEFTD 8 "" "weft" "System Administration"
.SH NAME
weftd \- run a weft node and serve it
.SH SYNOPSIS
.B weftd
.B \-\-data
.I DIR
[\fIOPTIONS\fR]
.SH DESCRIPTION
Runs a node of durable actors and workflows on a directory, with definitions
from shared objects, and serves it to clients and workers in other processes.
.SH OPTIONS
.nf
X
"$1" --help | tail -n +6 | roff
cat <<'X'
.fi
.SH FILES
.TP
.I /etc/weft/weftd.conf
settings, where weftd.service looks for them
.SH SEE ALSO
.BR weft (1)
X
