package org.replicationserver.cert;

import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Accepts exactly the peers whose key is pinned. Called by handshake threads, any number at once.
 *
 * <p>The pin stands for the whole of trust: there is no issuer, no path, no host name, and certificates after the first
 * are not looked at. Beside the pin only the peer's dates and the kind of its key are checked. The pin comes before
 * both, so that a stranger learns nothing but that it is one.
 *
 * <p>Extended, because the JDK would otherwise add checks of its own; and a direction that was not asked for knows no
 * pin at all, so that a manager put into the wrong side refuses everybody.
 */
public final class PinnedTrustManager extends X509ExtendedTrustManager {
    /** How far the peer's clock, the issuer's and ours may lie apart; applied at both ends of the validity. */
    private static final Duration CLOCK_TOLERANCE = Duration.ofMinutes(5);

    /** A leaf and the authority that signed it; a longer chain only costs us memory and time. */
    private static final int CHAIN_LENGTH_MAX = 2;

    private final Predicate<Pin> clientPins;
    private final Predicate<Pin> serverPins;
    private final Clock clock;
    private final Consumer<Refusal> refusals;

    private PinnedTrustManager(
            Predicate<Pin> clientPins, Predicate<Pin> serverPins, Clock clock, Consumer<Refusal> refusals) {
        this.clientPins = clientPins;
        this.serverPins = serverPins;
        this.clock = clock;
        this.refusals = refusals;
    }

    /** For the server: agents must be in the registry at the moment of the handshake. The listener must not block. */
    public static PinnedTrustManager forServer(PinRegistry agents, Clock clock, Consumer<Refusal> refusals) {
        return new PinnedTrustManager(agents::knows, PinnedTrustManager::nobody, clock, refusals);
    }

    /** For an agent: the server must show one of these pins (current and next), asked for at each handshake. */
    public static PinnedTrustManager forAgent(Supplier<Set<Pin>> serverPins, Clock clock, Consumer<Refusal> refusals) {
        return new PinnedTrustManager(
                PinnedTrustManager::nobody, pin -> serverPins.get().contains(pin), clock, refusals);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, clientPins);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, clientPins);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, clientPins);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, serverPins);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, serverPins);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, serverPins);
    }

    /** Empty: the peer chooses no certificate by its issuer, and learns no names from us. */
    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }

    private static boolean nobody(Pin pin) {
        return false;
    }

    private void check(X509Certificate[] chain, Predicate<Pin> pins) throws CertificateException {
        if (chain.length == 0) {
            throw new IllegalArgumentException("empty chain: the engine must ask for a certificate");
        }
        Optional<Refusal> refusal = refusalOf(chain, pins);
        if (refusal.isPresent()) {
            refusals.accept(refusal.get());
            throw refusal.get().toException();
        }
    }

    private Optional<Refusal> refusalOf(X509Certificate[] chain, Predicate<Pin> pins) {
        X509Certificate leaf = chain[0];
        Pin pin = Pin.of(leaf);
        if (chain.length > CHAIN_LENGTH_MAX) {
            return refusal(
                    RefusalReason.CHAIN_TOO_LONG,
                    pin,
                    "chainLength=" + chain.length + " chainLengthMax=" + CHAIN_LENGTH_MAX);
        }
        if (!pins.test(pin)) {
            return refusal(RefusalReason.NOT_PINNED, pin, "chainLength=" + chain.length);
        }
        if (!KeyStrength.isAccepted(leaf.getPublicKey())) {
            return refusal(RefusalReason.WEAK_KEY, pin, "allowed: " + KeyStrength.ALLOWED);
        }
        return refusalByDates(leaf, pin);
    }

    private Optional<Refusal> refusalByDates(X509Certificate leaf, Pin pin) {
        Instant now = clock.instant();
        Instant notBefore = leaf.getNotBefore().toInstant();
        if (now.isBefore(notBefore.minus(CLOCK_TOLERANCE))) {
            return refusal(RefusalReason.NOT_YET_VALID, pin, "notBefore=" + notBefore + " now=" + now);
        }
        Instant notAfter = leaf.getNotAfter().toInstant();
        if (now.isAfter(notAfter.plus(CLOCK_TOLERANCE))) {
            return refusal(RefusalReason.EXPIRED, pin, "notAfter=" + notAfter + " now=" + now);
        }
        return Optional.empty();
    }

    private static Optional<Refusal> refusal(RefusalReason reason, Pin pin, String detail) {
        return Optional.of(new Refusal(reason, pin, detail));
    }
}
