"""Keys and certificates for tests, made by the command openssl in the form of ./run agent identity."""

import shutil
import subprocess
from pathlib import Path


def make(folder, *names):
    for name in names:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", f"/CN={name}", "-keyout", Path(folder) / f"{name}.key.pem",
                        "-out", Path(folder) / f"{name}.cert.pem"], check=True, capture_output=True)


def make_expired(folder, name, of):
    """A certificate of another one's key and name that ended yesterday."""
    folder = Path(folder)
    shutil.copy(folder / f"{of}.key.pem", folder / f"{name}.key.pem")
    request = folder / f"{name}.csr.pem"
    for words in (["req", "-new", "-key", folder / f"{name}.key.pem", "-subj", f"/CN={of}", "-out", request],
                  ["x509", "-req", "-in", request, "-signkey", folder / f"{name}.key.pem", "-days", "-1",
                   "-out", folder / f"{name}.cert.pem"]):
        subprocess.run(["openssl", *words], check=True, capture_output=True)


def pin(folder, name):
    return "sha256:" + subprocess.run(
        f"openssl x509 -in {folder}/{name}.cert.pem -pubkey -noout | openssl pkey -pubin -outform der"
        " | openssl dgst -sha256 -r", shell=True, check=True, capture_output=True, text=True).stdout.split()[0]
