package org.replicationserver.receiver.snapshot;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.interceptor.SdkExecutionAttribute;
import software.amazon.awssdk.services.ec2.model.CreateSnapshotRequest;
import software.amazon.awssdk.services.ec2.model.Tag;

/** What the SDK was asked to do, in the whole process: the SDK itself makes one for each client, by a resource that names it. */
public final class SdkRequestLog implements ExecutionInterceptor {
    private static final List<Entry> ENTRIES = new CopyOnWriteArrayList<>();

    /** An action of a service, and the tags that it carries. */
    record Entry(String service, String action, Map<String, String> tags) {}

    static List<Entry> entries() {
        return ENTRIES;
    }

    @Override
    public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
        Map<String, String> tags = context.request() instanceof CreateSnapshotRequest create
                ? create.tagSpecifications().stream()
                        .flatMap(one -> one.tags().stream())
                        .collect(Collectors.toMap(Tag::key, Tag::value))
                : Map.of();
        ENTRIES.add(new Entry(
                attributes.getAttribute(SdkExecutionAttribute.SERVICE_NAME),
                attributes.getAttribute(SdkExecutionAttribute.OPERATION_NAME),
                tags));
    }
}
