package org.replicationserver.receiver.server;

import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.listener.ListenerEvents;
import org.replicationserver.receiver.replication.HandshakeFault;
import org.replicationserver.receiver.replication.Replications;

/** Tells counters and models what becomes of peers before they have a session. Event loop only. */
final class PeerEvents implements ListenerEvents {
    /** The listener does not know it of a handshake that failed. */
    private static final String UNKNOWN_ADDRESS = "an unknown address";

    /** Alerts of a peer that does not accept our certificate, in the words of the JDK and of BoringSSL. */
    private static final List<String> CERTIFICATE_ALERTS =
            List.of("unknown ca", "bad certificate", "certificate unknown");

    /** Of our own refusals, see PinnedTrustManager. */
    private static final String PEER_REFUSED = "peer refused";

    private final ListenerEvents counters;
    private final Replications replications;
    private final Predicate<String> isExplained;

    /** @param isExplained whether it is known already whose refused handshake it was, so that no other is suspected */
    PeerEvents(ListenerEvents counters, Replications replications, Predicate<String> isExplained) {
        this.counters = counters;
        this.replications = replications;
        this.isExplained = isExplained;
    }

    @Override
    public void accepted(String sourceServerId, String remoteAddress) {
        counters.accepted(sourceServerId, remoteAddress);
        replications.connectionAccepted(sourceServerId);
    }

    @Override
    public void handshakeFailed(String reason) {
        counters.handshakeFailed(reason);
        HandshakeFault fault = faultOf(reason);
        if (fault != null && !isExplained.test(reason)) {
            replications.handshakeRefused(fault, UNKNOWN_ADDRESS, reason);
        }
    }

    /** Null for what says nothing of pins: no TLS at all, or too slow. */
    static @Nullable HandshakeFault faultOf(String reason) {
        if (reason.contains(PEER_REFUSED)) {
            return HandshakeFault.AGENT_PIN_UNKNOWN;
        }
        String words = reason.toLowerCase(Locale.ROOT).replace('_', ' ');
        boolean alert = words.contains("alert") && CERTIFICATE_ALERTS.stream().anyMatch(words::contains);
        return alert ? HandshakeFault.SERVER_PIN_REJECTED : null;
    }

    @Override
    public void probed() {
        counters.probed();
    }

    @Override
    public void wrongProtocol(String remoteAddress) {
        counters.wrongProtocol(remoteAddress);
    }

    @Override
    public void notAssigned(String remoteAddress) {
        counters.notAssigned(remoteAddress);
    }
}
