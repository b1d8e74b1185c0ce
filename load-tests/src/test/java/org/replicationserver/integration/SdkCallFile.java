package org.replicationserver.integration;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.interceptor.SdkExecutionAttribute;
import software.amazon.awssdk.services.ec2.model.CreateSnapshotRequest;

/**
 * Writes what the SDK of a process sends, a line each: service, action, and the names of the tags. The SDK makes one for each of its
 * clients, by a resource that names it; the file is that of the system property {@value #FILE}, without which nothing is written.
 */
public final class SdkCallFile implements ExecutionInterceptor {
    static final String FILE = "test.sdk-calls";

    private final @Nullable String file = System.getProperty(FILE);

    @Override
    public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
        if (file == null) {
            return;
        }
        String tags = context.request() instanceof CreateSnapshotRequest create
                ? create.tagSpecifications().stream()
                        .flatMap(one -> one.tags().stream())
                        .map(tag -> " " + tag.key())
                        .collect(Collectors.joining())
                : "";
        String line = attributes.getAttribute(SdkExecutionAttribute.SERVICE_NAME) + " "
                + attributes.getAttribute(SdkExecutionAttribute.OPERATION_NAME) + tags + "\n";
        try {
            Files.writeString(Path.of(file), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
