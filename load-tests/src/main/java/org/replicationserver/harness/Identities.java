package org.replicationserver.harness;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;

/** Keys of agents, made as an agent makes its own. */
public final class Identities {
    private static final Duration VALIDITY = Duration.ofDays(1);

    private static final AtomicInteger MADE = new AtomicInteger();

    private Identities() {}

    /** With a certificate that is valid now. */
    public static AgentKey agent(Path directory, String sourceServerId) throws CertificateStoreException {
        return agent(directory, sourceServerId, Clock.systemUTC());
    }

    /** With a certificate that ended so long ago. */
    public static AgentKey agentExpiredSince(Path directory, String sourceServerId, Duration ago)
            throws CertificateStoreException {
        return agent(
                directory,
                sourceServerId,
                Clock.offset(Clock.systemUTC(), VALIDITY.plus(ago).negated()));
    }

    /** With a certificate that begins in so long a time. */
    public static AgentKey agentValidIn(Path directory, String sourceServerId, Duration time)
            throws CertificateStoreException {
        Duration marginOfTheIssuer = Duration.ofMinutes(5);
        return agent(directory, sourceServerId, Clock.offset(Clock.systemUTC(), time.plus(marginOfTheIssuer)));
    }

    private static AgentKey agent(Path directory, String sourceServerId, Clock clock) throws CertificateStoreException {
        CertificateProfile profile = CertificateProfile.ofAgent(sourceServerId).withValidity(VALIDITY);
        String name = "agent-" + MADE.incrementAndGet();
        Path keys = directory.resolve("agent-keys");
        return new AgentKey(
                sourceServerId,
                new IdentityStore(keys).loadOrCreate(name, new SelfSignedIssuer(profile, clock)),
                keys.resolve(name + ".cert.pem"),
                keys.resolve(name + ".key.pem"));
    }
}
