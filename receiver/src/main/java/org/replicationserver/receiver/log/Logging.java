package org.replicationserver.receiver.log;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.spi.AppenderAttachable;
import java.util.Iterator;
import org.slf4j.LoggerFactory;

/** Sets up logging after the configuration, which is read after the first lines may have been written. */
public final class Logging {
    private Logging() {}

    /** Writes lines in this format from now on, and keeps the newest of them. */
    public static RecentLogs setUp(LogFormat format, LogLevel level) {
        Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(level.level());
        boolean toJournal = Journal.isStandardOutput();
        if (format.isJson(toJournal)) {
            writeJson(root, toJournal);
        }
        RecentLogs recent = new RecentLogs();
        recent.setContext(root.getLoggerContext());
        recent.setName("recent");
        recent.start();
        root.detachAppender(recent.getName());
        root.addAppender(recent);
        return recent;
    }

    private static void writeJson(AppenderAttachable<ILoggingEvent> root, boolean toJournal) {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        for (Iterator<Appender<ILoggingEvent>> appenders = root.iteratorForAppenders(); appenders.hasNext(); ) {
            if (appenders.next() instanceof OutputStreamAppender<ILoggingEvent> output) {
                JsonEncoder encoder = new JsonEncoder(toJournal);
                encoder.setContext(context);
                encoder.start();
                output.setEncoder(encoder);
            }
        }
    }
}
