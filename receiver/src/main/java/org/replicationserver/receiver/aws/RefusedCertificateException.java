package org.replicationserver.receiver.aws;

import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.PKIXReason;
import java.security.cert.X509Certificate;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.CaFile;
import org.replicationserver.receiver.log.PeerText;

/** The certificate that a server showed is not accepted. Immutable, any thread. */
public final class RefusedCertificateException extends CertificateException {
    private static final long serialVersionUID = 1;

    private final transient X509Certificate shown;
    private final Fault fault;
    private final String words;

    private enum Fault {
        EXPIRED("it has expired"),
        NOT_YET_VALID("it is not valid yet"),
        ANOTHER_NAME("it is for another name"),
        UNKNOWN_AUTHORITY("no authority that is trusted here has issued it"),
        OTHER("it does not do for a server");

        private final String words;

        Fault(String words) {
            this.words = words;
        }
    }

    RefusedCertificateException(X509Certificate shown, CertificateException refusal) {
        super(refusal);
        this.shown = shown;
        this.fault = faultOf(shown, refusal);
        this.words = fault == Fault.OTHER
                ? fault.words + " ("
                        + PeerText.line(String.valueOf(deepest(refusal).getMessage())) + ")"
                : fault.words;
    }

    private static Fault faultOf(X509Certificate shown, CertificateException refusal) {
        try {
            shown.checkValidity();
        } catch (CertificateExpiredException e) {
            return Fault.EXPIRED;
        } catch (CertificateNotYetValidException e) {
            return Fault.NOT_YET_VALID;
        }
        // The JDK has no other sign for it than its words, and looks at the name after all else.
        String words = String.valueOf(refusal.getMessage());
        if (words.startsWith("No subject alternative") || words.startsWith("No name matching")) {
            return Fault.ANOTHER_NAME;
        }
        return isOfNoAuthority(refusal) ? Fault.UNKNOWN_AUTHORITY : Fault.OTHER;
    }

    /** No path to an authority was found, or one only to another of the same name. */
    private static boolean isOfNoAuthority(Throwable refusal) {
        for (Throwable cause = refusal; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertPathBuilderException
                    || (cause instanceof CertPathValidatorException invalid
                            && (invalid.getReason() == BasicReason.INVALID_SIGNATURE
                                    || invalid.getReason() == PKIXReason.NO_TRUST_ANCHOR))) {
                return true;
            }
        }
        return false;
    }

    /** The JDK wraps what it has found in general words. */
    private static Throwable deepest(Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    /** Null if what has ended a connection is none. */
    public static @Nullable RefusedCertificateException in(Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof RefusedCertificateException refused) {
                return refused;
            }
        }
        return null;
    }

    /**
     * What is wrong with it.
     *
     * @param way to the server, in words
     * @param file null where {@code aws.ca-file} is not set
     */
    public String sentence(String way, @Nullable CaFile file) {
        return "the certificate of " + way + " is not accepted, " + words + ": subject "
                + nameOf(shown, false) + ", issuer " + nameOf(shown, true) + ", valid until "
                + shown.getNotAfter().toInstant() + "; aws.ca-file "
                + (file == null
                        ? "is not set"
                        : "has " + nameOf(file.certificates().getFirst(), false) + more(file));
    }

    private static String more(CaFile file) {
        int others = file.certificates().size() - 1;
        return others == 0 ? "" : " and " + others + " more";
    }

    private static String nameOf(X509Certificate certificate, boolean ofIssuer) {
        return PeerText.cut(
                (ofIssuer ? certificate.getIssuerX500Principal() : certificate.getSubjectX500Principal()).getName(),
                60);
    }

    /**
     * What to do about it.
     *
     * @param server in words, as {@code the control plane}
     * @param endpointKey the setting with its address
     * @param file null where {@code aws.ca-file} is not set
     */
    public String nextAction(String server, String endpointKey, @Nullable CaFile file) {
        String issuer = nameOf(shown, true);
        return switch (fault) {
            case EXPIRED -> "Renew the certificate of " + server + ", or set the clock of this server if it is ahead.";
            case NOT_YET_VALID -> "Set the clock of this server, for example by chronyc makestep.";
            case ANOTHER_NAME -> "Name " + server + " in " + endpointKey + " as its certificate does.";
            case UNKNOWN_AUTHORITY ->
                "If it is that of " + server + ", "
                        + (file == null
                                ? "name a PEM file with the certificate of " + issuer + " in aws.ca-file"
                                : "add the certificate of " + issuer + " to " + file.path())
                        + " and start the server again; otherwise something on the way opens TLS.";
            case OTHER ->
                "Give " + server + " another certificate; if it is not its own, something on the way opens TLS.";
        };
    }
}
