package org.replicationserver.demo;

import java.io.PrintWriter;
import java.util.Locale;

/** What a demo prints. Any thread. */
final class Transcript {
    private final PrintWriter out;

    Transcript(PrintWriter out) {
        this.out = out;
    }

    synchronized void say(String line) {
        out.println(line);
        out.flush();
    }

    /** A line of the table at the end. */
    void row(String name, String value) {
        say(String.format(Locale.ROOT, "  %-28s %s", name, value));
    }
}
