package org.replicationserver.receiver.server;

import java.util.ArrayDeque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What must be stopped, newest first; a part that cannot be stopped does not keep the others from it. One thread. */
final class StopSteps {
    private static final Logger LOG = LoggerFactory.getLogger(StopSteps.class);

    /** Stops one part. */
    interface Step {
        void run() throws Exception;
    }

    private record Named(String part, Step step) {}

    private final ArrayDeque<Named> steps = new ArrayDeque<>();

    /** To be called as soon as the part is there. */
    void add(String part, Step step) {
        steps.push(new Named(part, step));
    }

    /** Takes every step once. */
    void run() {
        while (!steps.isEmpty()) {
            Named next = steps.pop();
            try {
                next.step().run();
            } catch (Exception e) {
                LOG.atError()
                        .setCause(e)
                        .addKeyValue("part", next.part())
                        .addKeyValue("cause", e.getMessage())
                        .log("stopping a part failed");
            }
        }
    }
}
