package org.replicationserver.receiver.log;

import ch.qos.logback.classic.pattern.ClassicConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import java.util.List;
import org.slf4j.event.KeyValuePair;

/** The conversion word {@code %event} of logback's patterns: {@code session opened: source=s-1 generation=4}. Any thread. */
public final class TextLayout extends ClassicConverter {
    @Override
    public String convert(ILoggingEvent event) {
        return textOf(event);
    }

    /** The event in words, and its facts as far as they are known. */
    public static String textOf(ILoggingEvent event) {
        List<KeyValuePair> facts = event.getKeyValuePairs();
        if (facts == null || facts.isEmpty()) {
            return event.getFormattedMessage();
        }
        StringBuilder text = new StringBuilder(event.getFormattedMessage()).append(':');
        for (KeyValuePair fact : facts) {
            if (fact.value != null) {
                text.append(' ').append(fact.key).append('=').append(LogValue.text(fact.value));
            }
        }
        return text.toString();
    }
}
