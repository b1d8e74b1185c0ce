package org.replicationserver.receiver.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;
import java.nio.charset.StandardCharsets;

/**
 * A line of JSON for each event: {@code {"dateTime":...}}. To systemd's journal with the priority in front that it takes off again
 * ({@code sd-daemon(3)}): {@code <6>{"dateTime":...}}. Any thread.
 */
final class JsonEncoder extends EncoderBase<ILoggingEvent> {
    private static final byte[] NONE = {};

    private final boolean toJournal;

    JsonEncoder(boolean toJournal) {
        this.toJournal = toJournal;
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        String prefix = toJournal ? priority(event.getLevel()) : "";
        String json = LogRecord.of(event).toLine().encode();
        return (prefix + json + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** Syslog's: err, warning, info, debug. */
    private static String priority(Level level) {
        return switch (level.toInt()) {
            case Level.ERROR_INT -> "<3>";
            case Level.WARN_INT -> "<4>";
            case Level.INFO_INT -> "<6>";
            default -> "<7>";
        };
    }

    @Override
    public byte[] headerBytes() {
        return NONE;
    }

    @Override
    public byte[] footerBytes() {
        return NONE;
    }
}
