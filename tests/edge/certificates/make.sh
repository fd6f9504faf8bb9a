#!/bin/sh
# Makes the certificates of the tests of TLS (edge, server, system) anew, in this folder; they are for these and nothing else.
# Needs openssl 3. Each .pem of a leaf holds its certificate and its key; those of authorities have no key here.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
cd "$work"

sign() { # name, signer, not before, not after, extensions...
    name=$1 signer=$2 start=$3 end=$4
    shift 4
    [ -e "$name.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
    openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
    : > index.txt
    openssl rand -hex 8 > serial
    {
        printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n'
        printf '[p]\ncommonName=supplied\n[v3]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
        printf '%s\n' "$@"
    } > "$name.cnf"
    if [ "$name" = "$signer" ]; then with=-selfsign; else with="-cert $signer.crt"; fi
    # shellcheck disable=SC2086
    openssl ca -batch -notext -config "$name.cnf" -extensions v3 $with -keyfile "$signer.key" \
        -startdate "$start" -enddate "$end" -in "$name.csr" -out "$name.crt"
}

authority() {
    sign "$1" "$1" 20200101000000Z 21200101000000Z basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign
    cp "$1.crt" "$here/$1.pem"
}

leaf() { # name, signer, not before, not after, what it is for, names
    sign "$1" "$2" "$3" "$4" basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
        "extendedKeyUsage=$5" "subjectAltName=$6"
    cat "$1.crt" "$1.key" > "$here/$1.pem"
}

authority authority
authority other-authority
leaf broker authority 20200101000000Z 21200101000000Z serverAuth IP:127.0.0.1
leaf expired authority 20200101000000Z 20210101000000Z serverAuth IP:127.0.0.1
leaf too-young authority 21000101000000Z 21200101000000Z serverAuth IP:127.0.0.1
leaf other-host authority 20200101000000Z 21200101000000Z serverAuth DNS:elsewhere.example
leaf device authority 20200101000000Z 21200101000000Z clientAuth DNS:bus-0142
leaf stranger other-authority 20200101000000Z 21200101000000Z clientAuth DNS:bus-0142
