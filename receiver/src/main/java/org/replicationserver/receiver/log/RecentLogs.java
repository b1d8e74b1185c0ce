package org.replicationserver.receiver.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The newest log lines, for those who read them elsewhere. Any thread.
 *
 * <p>Bounded by {@link #RECORDS_MAX} and {@link #BYTES_MAX}: the oldest make room, and those that nobody has taken by then are
 * counted as dropped.
 */
public final class RecentLogs extends AppenderBase<ILoggingEvent> {
    static final int RECORDS_MAX = 1000;
    static final long BYTES_MAX = 1024 * 1024;

    private final ArrayDeque<LogRecord> records = new ArrayDeque<>();
    private long bytes;
    private int untaken;
    private long dropped;

    @Override
    protected synchronized void append(ILoggingEvent event) {
        LogRecord line = LogRecord.of(event);
        records.addLast(line);
        bytes += line.sizeBytes();
        untaken++;
        while (records.size() > RECORDS_MAX || bytes > BYTES_MAX) {
            bytes -= records.removeFirst().sizeBytes();
            if (untaken > records.size()) {
                untaken--;
                dropped++;
            }
        }
    }

    /** Takes the oldest lines that nobody has taken, as many as fit. */
    public synchronized List<LogRecord> take(int recordsMax, long bytesMax) {
        List<LogRecord> taken = new ArrayList<>();
        long takenBytes = 0;
        int skip = records.size() - untaken;
        for (LogRecord line : records) {
            if (skip-- > 0) {
                continue;
            }
            takenBytes += line.sizeBytes();
            if (taken.size() >= recordsMax || takenBytes > bytesMax) {
                break;
            }
            taken.add(line);
        }
        untaken -= taken.size();
        return List.copyOf(taken);
    }

    /** Lines that were taken got lost on their way. */
    public synchronized void countDropped(int lines) {
        dropped += lines;
    }

    /** How many lines nobody was told since the process started: not taken in time, or lost on their way. */
    public synchronized long dropped() {
        return dropped;
    }

    /** The newest lines, oldest first, whether taken or not. */
    public synchronized List<LogRecord> newest(int recordsMax) {
        return records.stream().skip(Math.max(0, records.size() - recordsMax)).toList();
    }
}
