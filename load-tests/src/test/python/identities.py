"""Keys and certificates for tests, made by the command openssl in the form of ./run agent identity."""

import subprocess
from pathlib import Path


def make(folder, *names):
    for name in names:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", f"/CN={name}", "-keyout", Path(folder) / f"{name}.key.pem",
                        "-out", Path(folder) / f"{name}.cert.pem"], check=True, capture_output=True)


def pin(folder, name):
    return "sha256:" + subprocess.run(
        f"openssl x509 -in {folder}/{name}.cert.pem -pubkey -noout | openssl pkey -pubin -outform der"
        " | openssl dgst -sha256 -r", shell=True, check=True, capture_output=True, text=True).stdout.split()[0]
