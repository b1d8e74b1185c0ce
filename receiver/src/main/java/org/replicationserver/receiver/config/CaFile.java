package org.replicationserver.receiver.config;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The PEM file of {@code aws.ca-file} and what is in it. Immutable, any thread.
 *
 * <p>A certificate that has expired is told and is no mistake: the JDK looks at the times of what is signed, not at those of what it is
 * told to trust, and a server must not stay down for a file with which it would work.
 */
public final class CaFile {
    /** Far more than all public authorities together. */
    static final int BYTES_MAX = 4 << 20;

    static final String ALLOWED = "a file of PEM certificates";

    private static final Pattern PEM_KIND = Pattern.compile("-----BEGIN ([A-Z0-9 ]{1,40})-----");

    private final Path path;
    private final List<X509Certificate> certificates;

    private CaFile(Path path, List<X509Certificate> certificates) {
        this.path = path;
        this.certificates = List.copyOf(certificates);
    }

    /**
     * Reads the file.
     *
     * @throws IOException with a sentence that names the key and the file
     */
    public static CaFile read(Path path) throws IOException {
        try {
            return new CaFile(path, certificatesOf(bytesOf(path)));
        } catch (IOException e) {
            throw new IOException(
                    ConfigKeys.AWS_CA_FILE + "=" + Mistakes.display(path.toString()) + " cannot be used: "
                            + Mistakes.displayLine(IoReason.of(e, path.toString())) + "; allowed: " + ALLOWED,
                    e);
        }
    }

    private static byte[] bytesOf(Path path) throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new IOException(Files.isDirectory(path) ? "is a directory" : "is no regular file");
        }
        try (InputStream file = Files.newInputStream(path)) {
            byte[] bytes = file.readNBytes(BYTES_MAX + 1);
            if (bytes.length > BYTES_MAX) {
                throw new IOException("is larger than " + ByteSize.format(BYTES_MAX));
            }
            return bytes;
        }
    }

    private static List<X509Certificate> certificatesOf(byte[] bytes) throws IOException {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        if (text.isBlank()) {
            throw new IOException("is empty");
        }
        try {
            List<X509Certificate> certificates =
                    CertificateFactory.getInstance("X.509")
                            .generateCertificates(new ByteArrayInputStream(bytes))
                            .stream()
                            .map(X509Certificate.class::cast)
                            .toList();
            if (certificates.isEmpty()) {
                throw new IOException(whatItHolds(text));
            }
            return certificates;
        } catch (CertificateException e) {
            throw new IOException(whatItHolds(text), e);
        }
    }

    private static String whatItHolds(String text) {
        List<String> kinds = PEM_KIND.matcher(text)
                .results()
                .map(kind -> kind.group(1))
                .distinct()
                .toList();
        if (kinds.isEmpty()) {
            return "is not PEM";
        }
        List<String> others =
                kinds.stream().filter(kind -> !kind.endsWith("CERTIFICATE")).toList();
        if (others.isEmpty()) {
            return "holds a certificate that cannot be read";
        }
        return (others.size() == kinds.size() ? "holds no certificate, but " : "holds, beside certificates, ")
                + others.getFirst();
    }

    public Path path() {
        return path;
    }

    /** At least one. */
    public List<X509Certificate> certificates() {
        return certificates;
    }

    /** A line for each certificate that is not valid at a moment. */
    public List<String> warnings(Instant moment) {
        return certificates.stream()
                .filter(certificate -> moment.isAfter(certificate.getNotAfter().toInstant())
                        || moment.isBefore(certificate.getNotBefore().toInstant()))
                .map(certificate -> warning(certificate, moment))
                .toList();
    }

    private String warning(X509Certificate certificate, Instant moment) {
        Instant end = certificate.getNotAfter().toInstant();
        String since = moment.isAfter(end)
                ? "has expired at " + end
                : "is not valid before " + certificate.getNotBefore().toInstant();
        return ConfigKeys.AWS_CA_FILE + "=" + Mistakes.display(path.toString()) + ": the certificate of "
                + Mistakes.display(certificate.getSubjectX500Principal().getName()) + " " + since;
    }
}
