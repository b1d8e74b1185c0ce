package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.log.TextLayout;
import org.slf4j.LoggerFactory;

class CertificateExpiryTest {
    private static final Instant NOT_AFTER = Instant.parse("2031-05-01T00:00:00Z");
    private static final String FACTS = " cert.directory=/c notAfter=2031-05-01T00:00:00Z daysLeft=";

    private final Logger logger = (Logger) LoggerFactory.getLogger(CertificateExpiry.class);
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    @BeforeEach
    void listen() {
        appender.start();
        logger.addAppender(appender);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(appender);
    }

    private List<String> toldWithDaysLeft(double days) {
        CertificateExpiry.tell(NOT_AFTER, NOT_AFTER.minus(Duration.ofMinutes((long) (days * 24 * 60))), Path.of("/c"));
        return appender.list.stream()
                .map(event -> event.getLevel() + " " + TextLayout.textOf(event))
                .toList();
    }

    @Test
    void certificateThatHasTimeIsNotTold() {
        assertThat(toldWithDaysLeft(30.1)).isEmpty();
    }

    @Test
    void lastThirtyDaysAreAWarning() {
        assertThat(toldWithDaysLeft(30))
                .singleElement()
                .asString()
                .startsWith("WARN the server's certificate expires soon, agents will refuse it; make a new")
                .endsWith(FACTS + 30);
    }

    @Test
    void expiredCertificateIsAnError() {
        assertThat(toldWithDaysLeft(-2.5))
                .singleElement()
                .asString()
                .startsWith("ERROR the server's certificate has expired, agents refuse it; make a new")
                .endsWith(FACTS + -2);
    }
}
