package org.replicationserver.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.ProtocolException;

/** The sender never sends what the server would have to refuse. */
final class SendWindowTest {
    private static final int FRAME = 1000;
    private static final long ATTACH_SEQ = 1;

    @Test
    void bytesEndAtTheLimit_andGoOnWhenItIsRaised() throws ProtocolException {
        SendWindow window = new SendWindow(new Attached(2 * FRAME, FRAME, 100), ATTACH_SEQ);
        window.sent(2, FRAME);
        window.sent(3, FRAME);
        assertThat(window.admits(1)).isFalse();
        assertThatThrownBy(() -> window.sent(4, 1)).isInstanceOf(IllegalStateException.class);

        window.acknowledge(2, 3 * FRAME);
        assertThat(window.admits(FRAME)).isTrue();
        assertThat(window.admits(FRAME + 1)).isFalse();
    }

    @Test
    void framesEndAtTheirOwnLimit() throws ProtocolException {
        SendWindow window = new SendWindow(new Attached(100 * FRAME, FRAME, 2), ATTACH_SEQ);
        window.sent(2, FRAME);
        window.sent(3, FRAME);
        assertThat(window.admits(FRAME)).isFalse();

        window.acknowledge(2, 101 * FRAME);
        assertThat(window.admits(FRAME)).isTrue();
    }

    @Test
    void anAcknowledgementMayStartBelowTheFirstBlockAndRunAheadOfTheLast() throws ProtocolException {
        SendWindow window = new SendWindow(new Attached(100 * FRAME, FRAME, 2), ATTACH_SEQ);
        window.acknowledge(0, 100 * FRAME);
        window.sent(2, FRAME);
        window.acknowledge(3, 101 * FRAME);
        window.sent(3, FRAME);
        window.sent(4, FRAME);
        assertThat(window.admits(FRAME)).isFalse();
    }

    @Test
    void aLimitThatFallsIsRefused() {
        SendWindow window = new SendWindow(new Attached(100 * FRAME, FRAME, 2), ATTACH_SEQ);
        assertThatThrownBy(() -> window.acknowledge(0, 99 * FRAME)).isInstanceOf(ProtocolException.class);
    }
}
