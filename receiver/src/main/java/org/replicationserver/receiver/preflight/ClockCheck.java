package org.replicationserver.receiver.preflight;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.replicationserver.receiver.aws.HttpsConnections;

/** How far this machine's clock is from the one that signatures are judged by. */
final class ClockCheck implements PreflightCheck {
    /** Signatures of another time are refused. */
    private static final Duration REFUSED_FROM = Duration.ofMinutes(5);

    private static final Duration TOLD_FROM = Duration.ofSeconds(30);

    private final URI endpoint;
    private final HttpsConnections connections;
    private final Clock clock;

    ClockCheck(URI endpoint, HttpsConnections connections, Clock clock) {
        this.endpoint = endpoint;
        this.connections = connections;
        this.clock = clock;
    }

    @Override
    public String name() {
        return "clock";
    }

    @Override
    public Finding look() {
        HttpURLConnection connection = connections.createConnection(endpoint);
        try {
            connection.setRequestMethod("HEAD");
            connection.setInstanceFollowRedirects(false);
            Instant asked = clock.instant();
            long askedNanos = System.nanoTime();
            connection.getResponseCode();
            // Half of the way, by a clock that nobody sets meanwhile.
            Duration halfWay = Duration.ofNanos((System.nanoTime() - askedNanos) / 2);
            long date = connection.getDate();
            return date == 0
                    ? Finding.skip(endpoint + " does not tell its time")
                    : judged(Duration.between(Instant.ofEpochMilli(date), asked.plus(halfWay)));
        } catch (IOException e) {
            return notCompared("which gives no answer that can be trusted");
        } finally {
            connection.disconnect();
        }
    }

    /** @param why in a clause about the control plane, whose own check tells more */
    static Finding notCompared(String why) {
        return Finding.skip("there is no other to compare it with than that of the control plane, " + why);
    }

    private Finding judged(Duration ahead) {
        String text = "the clock here is " + ahead.abs().toSeconds() + " s "
                + (ahead.isNegative() ? "behind" : "ahead of") + " that of " + endpoint;
        String fix = "Set the clock of this machine, for example by chronyc makestep.";
        if (ahead.abs().compareTo(REFUSED_FROM) >= 0) {
            return Finding.fail(text + ", signatures are refused from " + REFUSED_FROM.toSeconds() + " s on", fix);
        }
        return ahead.abs().compareTo(TOLD_FROM) >= 0 ? Finding.warn(text, fix) : Finding.ok(text);
    }
}
