package org.replicationserver.agent;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What is printed of events and reports: on a terminal lines that are drawn over again, otherwise plain lines with the time. Confined
 * to the thread that prints.
 *
 * <p>A drawn line takes one row, and there are never more than rows: otherwise the terminal would scroll, and the next drawing would
 * not find them again.
 */
final class ProgressText {
    /** Plain: how often it is said that nothing happens. */
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Null: plain lines. */
    private final @Nullable TerminalSize terminal;

    private final Map<String, ProgressLine> lines = new HashMap<>();
    private long linesEpoch;
    private long lastNanos;
    private int drawnRows;
    private String lastPlain = "";
    private long lastPlainNanos;

    ProgressText(@Nullable TerminalSize terminal) {
        this.terminal = terminal;
    }

    String event(AgentEvent event, Instant time) {
        String text = (event.kind() == AgentEvent.Kind.WARNING ? "warning: " : "") + event.text();
        return terminal == null ? stamped(text, time) : clear() + text + "\n";
    }

    String report(AgentReport report, long nowNanos, Instant time) {
        List<String> now = linesOf(report, (nowNanos - lastNanos) / 1e9);
        lastNanos = nowNanos;
        return terminal == null ? plain(report, now, nowNanos, time) : drawn(now, terminal);
    }

    /** Takes what was drawn last off the terminal. */
    String clear() {
        if (drawnRows == 0) {
            return "";
        }
        String clear = "\033[" + drawnRows + "A\033[J";
        drawnRows = 0;
        return clear;
    }

    private String plain(AgentReport report, List<String> now, long nowNanos, Instant time) {
        boolean sending = report.phase() == AgentReport.Phase.SENDING;
        String all = String.join("; ", now);
        boolean told = all.equals(lastPlain) && nowNanos - lastPlainNanos < QUIET_NANOS;
        if (now.isEmpty() || (told && !sending)) {
            return "";
        }
        lastPlain = all;
        lastPlainNanos = nowNanos;
        StringBuilder text = new StringBuilder();
        for (String line : sending ? now : List.of(all)) {
            text.append(stamped(line, time));
        }
        return text.toString();
    }

    private static String stamped(String text, Instant time) {
        return time.truncatedTo(ChronoUnit.SECONDS) + " " + text + "\n";
    }

    private String drawn(List<String> now, TerminalSize size) {
        List<String> shown = new ArrayList<>(now);
        int rowsMax = Math.max(1, size.rows() - 1);
        if (shown.size() > rowsMax) {
            shown = new ArrayList<>(now.subList(0, rowsMax - 1));
            shown.add("and " + (now.size() - shown.size()) + " disks more");
        }
        StringBuilder text = new StringBuilder(clear());
        shown.forEach(line -> text.append(size.cut(line)).append('\n'));
        drawnRows = shown.size();
        return text.toString();
    }

    private static String verified(AgentReport report) {
        AgentReport.Verified verified = report.verified();
        return verified == null
                ? ""
                : ": " + ProgressLine.bytes(verified.equalBytes()) + " are as they were sent, "
                        + ProgressLine.bytes(verified.differingBytes()) + " are not, "
                        + ProgressLine.bytes(verified.leftBytes()) + " are left";
    }

    private List<String> linesOf(AgentReport report, double seconds) {
        boolean sending = report.phase() == AgentReport.Phase.SENDING;
        if (!sending || report.epoch() != linesEpoch) {
            // A rate that was measured in another phase says nothing about this one.
            lines.clear();
            linesEpoch = report.epoch();
        }
        List<String> texts = new ArrayList<>();
        switch (report.phase()) {
            case CONNECTING -> texts.add("no session with the server yet");
            case COMMITTING -> texts.add("epoch " + report.epoch() + ": all is sent, waits for the commit");
            case RESTING -> texts.add("waits for the next cycle, epoch " + report.committedEpoch() + " is committed");
            case VERIFYING -> texts.add("verifies" + verified(report));
            case WITHHELD -> texts.add("no volume takes writes, waits for one to be reopened");
            case SENDING, ENDED -> {}
        }
        for (AgentReport.Disk disk : report.disks()) {
            if (disk.failure() != null) {
                texts.add(disk.deviceName() + ": " + disk.failure());
            } else if (sending) {
                ProgressLine line = lines.computeIfAbsent(disk.deviceName(), _ -> new ProgressLine());
                texts.add(line.of(report.epoch(), disk, seconds));
            }
        }
        return report.phase() == AgentReport.Phase.ENDED ? List.of() : texts;
    }
}
