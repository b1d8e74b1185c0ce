package org.replicationserver.agent;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How much of a terminal can be drawn on. Immutable. */
record TerminalSize(int columns, int rows) {
    private static final TerminalSize USUAL = new TerminalSize(80, 24);
    private static final Pattern STTY = Pattern.compile("\\s*(\\d{1,5}) (\\d{1,5})\\s*");
    private static final long STTY_SECONDS = 2;

    /** That of the terminal which the program runs in, or the usual one. */
    static TerminalSize current() {
        ProcessBuilder stty = new ProcessBuilder("stty", "size")
                .redirectInput(new File("/dev/tty"))
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        try {
            Process process = stty.start();
            String answer = process.inputReader(StandardCharsets.US_ASCII).readLine();
            return process.waitFor(STTY_SECONDS, TimeUnit.SECONDS) && answer != null ? parse(answer) : USUAL;
        } catch (IOException e) {
            return USUAL;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return USUAL;
        }
    }

    /** Reads rows and columns as {@code stty size} prints them; 0 means that it does not know. */
    static TerminalSize parse(String answer) {
        Matcher matcher = STTY.matcher(answer);
        if (!matcher.matches()) {
            return USUAL;
        }
        int rows = Integer.parseInt(matcher.group(1));
        int columns = Integer.parseInt(matcher.group(2));
        return new TerminalSize(columns == 0 ? USUAL.columns : columns, rows == 0 ? USUAL.rows : rows);
    }

    /** Cut so that it takes one row; the last column stays free, because some terminals wrap when it is written. */
    String cut(String line) {
        return line.length() < columns ? line : line.substring(0, Math.max(0, columns - 1));
    }
}
