package org.replicationserver.receiver.software;

import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Where objects are read: S3, or a directory that mirrors it. Any thread; calls block, and end when their thread is interrupted. */
interface ObjectSource extends AutoCloseable {
    /**
     * Opens an object.
     *
     * @param fromByte where reading begins
     * @param etag of the content that is carried on with; null if any content will do, and then {@code fromByte} is 0
     * @throws SoftwareException where the same would be refused again
     * @throws ObjectChangedException where the object has other content by now
     * @throws IOException where it may do in a moment
     */
    OpenObject open(ObjectName name, long fromByte, @Nullable String etag) throws SoftwareException, IOException;

    /** In words, for a log. */
    String words();

    @Override
    void close();

    /**
     * An object that is being read. One thread.
     *
     * @param sizeBytes of the whole object
     * @param fromByte where {@code body} begins, which is 0 where less was not possible
     * @param etag of its content
     */
    record OpenObject(long sizeBytes, long fromByte, String etag, InputStream body) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            body.close();
        }
    }

    /** The object has other content than it had. */
    final class ObjectChangedException extends IOException {
        private static final long serialVersionUID = 1;

        ObjectChangedException(String message) {
            super(message);
        }
    }
}
