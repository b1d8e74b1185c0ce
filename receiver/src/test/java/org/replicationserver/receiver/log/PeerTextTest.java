package org.replicationserver.receiver.log;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text of others, fit for a terminal. */
final class PeerTextTest {
    /** Among them U+009B, with which a terminal begins a command as with ESC and [. */
    @ParameterizedTest
    @ValueSource(
            chars = {'\u0000', '\n', '\u001b', '\u007f', '\u0080', '\u009b', '\u202e', '\u200b', '\u2028', '\u2029'})
    void whatATerminalObeysBecomesAQuestionMark(char unprintable) {
        assertThat(PeerText.line("a" + unprintable + "b")).isEqualTo("a?b");
    }

    @Test
    void wordsOfAllLanguagesStay() {
        assertThat(PeerText.line("données-磁盤 😀")).isEqualTo("données-磁盤 😀");
    }

    @Test
    void aLongTextIsCut() {
        assertThat(PeerText.cut("x".repeat(11), 10)).isEqualTo("x".repeat(7) + "...");
    }
}
