package org.replicationserver.integration;

import io.vertx.core.internal.VertxBootstrap;
import io.vertx.core.spi.VertxServiceProvider;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/**
 * Sets Vert.x's checker of blocked threads tight in every Vert.x that is made {@link #during} a call. The server makes its own
 * Vert.x, so this comes in as a service of Vert.x, which the class loader of the calling thread offers for so long.
 */
public final class TightThreadChecker implements VertxServiceProvider {
    static final long EXECUTE_MILLIS_MAX = 200;
    private static final long CHECK_INTERVAL_MILLIS = 10;

    @Override
    public void init(VertxBootstrap bootstrap) {
        bootstrap
                .options()
                .setMaxEventLoopExecuteTime(EXECUTE_MILLIS_MAX)
                .setMaxEventLoopExecuteTimeUnit(TimeUnit.MILLISECONDS)
                .setWarningExceptionTime(EXECUTE_MILLIS_MAX) // with the stack, for whoever has to find what blocks
                .setWarningExceptionTimeUnit(TimeUnit.MILLISECONDS)
                .setBlockedThreadCheckInterval(CHECK_INTERVAL_MILLIS)
                .setBlockedThreadCheckIntervalUnit(TimeUnit.MILLISECONDS);
    }

    static <T> T during(Callable<T> call) throws Exception {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader offering = new URLClassLoader(new URL[] {services()}, before)) {
            thread.setContextClassLoader(offering);
            return call.call();
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private static URL services() throws IOException {
        Path directory = Files.createTempDirectory("vertx-services");
        Path file = directory.resolve("META-INF/services").resolve(VertxServiceProvider.class.getName());
        Files.createDirectories(file.getParent());
        Files.writeString(file, TightThreadChecker.class.getName());
        return directory.toUri().toURL();
    }
}
