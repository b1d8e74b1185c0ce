package org.replicationserver.receiver.preflight;

import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Supplier;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.log.PeerText;

/** Whether there are credentials to sign with. */
final class CredentialsCheck implements PreflightCheck {
    /** Credentials without secrets: whose they are, and their end. */
    record Found(String whose, Instant end) {}

    private final CredentialsSource source;
    private final Supplier<Found> credentials;
    private final Clock clock;

    /** @param credentials looks for them; what it throws says in words why there are none */
    CredentialsCheck(CredentialsSource source, Supplier<Found> credentials, Clock clock) {
        this.source = source;
        this.credentials = credentials;
        this.clock = clock;
    }

    @Override
    public String name() {
        return "credentials";
    }

    private static Instant seconds(Instant end) {
        return end.truncatedTo(ChronoUnit.SECONDS);
    }

    @Override
    public Finding look() {
        String fix = switch (source) {
            case INSTANCE -> "Give the instance its role and allow IMDSv2, or set aws.credentials=chain.";
            case CHAIN -> "Provide credentials where aws.credentials=chain finds them.";
        };
        try {
            Found found = credentials.get();
            if (!found.end().isAfter(clock.instant())) {
                return Finding.fail(found.whose() + ": ended at " + seconds(found.end()), fix);
            }
            return Finding.ok(
                    found.whose() + (found.end().equals(Instant.MAX) ? "" : ", good until " + seconds(found.end())));
        } catch (RuntimeException e) {
            return Finding.fail("none: " + PeerText.line(String.valueOf(e.getMessage())), fix);
        }
    }
}
