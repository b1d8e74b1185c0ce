package org.replicationserver.cert;

import java.util.Map;
import java.util.Optional;

/**
 * The pins of the agents that may connect, each with the source server it stands for. Any thread.
 *
 * <p>The whole table is replaced at once, so that a handshake sees either the old assignment or the new one. A source
 * server may have several pins (current and next); a pin has one source server.
 */
public final class PinRegistry {
    private volatile Map<Pin, String> sourceServerIdByPin = Map.of();

    /** Replaces all pins. Sessions of withdrawn pins are not ended here: handshakes are refused from now on. */
    public void replaceAll(Map<Pin, String> newSourceServerIdByPin) {
        Map<Pin, String> snapshot = Map.copyOf(newSourceServerIdByPin);
        snapshot.forEach(PinRegistry::requireSourceServerId);
        sourceServerIdByPin = snapshot;
    }

    public Optional<String> sourceServerOf(Pin pin) {
        return Optional.ofNullable(sourceServerIdByPin.get(pin));
    }

    boolean knows(Pin pin) {
        return sourceServerIdByPin.containsKey(pin);
    }

    private static void requireSourceServerId(Pin pin, String sourceServerId) {
        if (sourceServerId.isBlank()) {
            throw new IllegalArgumentException("pin without a source server: pin=" + pin);
        }
    }
}
