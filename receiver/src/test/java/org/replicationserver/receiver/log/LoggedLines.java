package org.replicationserver.receiver.log;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.slf4j.LoggerFactory;

/** The lines of one logger while a test runs. */
public final class LoggedLines implements AutoCloseable {
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();
    private final Logger logger;

    private LoggedLines(Logger logger) {
        this.logger = logger;
        appender.setContext(logger.getLoggerContext());
        appender.start();
        logger.addAppender(appender);
    }

    public static LoggedLines of(String logger) {
        return new LoggedLines((Logger) LoggerFactory.getLogger(logger));
    }

    /** {@code INFO session opened: source=s-1}, oldest first. */
    public List<String> texts() {
        return List.copyOf(appender.list).stream()
                .map(event -> event.getLevel() + " " + TextLayout.textOf(event))
                .toList();
    }

    @Override
    public void close() {
        logger.detachAppender(appender);
    }
}
