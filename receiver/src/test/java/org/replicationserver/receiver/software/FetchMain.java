package org.replicationserver.receiver.software;

import java.nio.file.Path;
import org.replicationserver.receiver.config.SoftwareSettings;

/** Fetches from a mirror, and is killed like by SIGKILL at a step: store, mirror, key, version, step, or bytes of the object. */
final class FetchMain {
    private static final int KILLED = 137;

    private FetchMain() {}

    public static void main(String[] args) throws Exception {
        SoftwareSettings settings = S3Server.mirrorSettings(Path.of(args[0]), Path.of(args[1]));
        String end = args[4];
        try (SoftwareFetcher fetcher = SoftwareFetcher.open(settings, S3Server.awsOfMirror())) {
            fetcher.fetch(fetcher.request(S3Server.BUCKET, args[2], null, args[3], null, null), new FetchListener() {
                @Override
                public void step(FetchStep step) {
                    if (step.name().equals(end)) {
                        // No hook runs and nothing is closed.
                        Runtime.getRuntime().halt(KILLED);
                    }
                }

                @Override
                public void progress(long bytes, long sizeBytes) {
                    if (end.matches("[0-9]+") && bytes >= Long.parseLong(end)) {
                        Runtime.getRuntime().halt(KILLED);
                    }
                }
            });
        }
    }
}
