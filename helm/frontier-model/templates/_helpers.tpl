{{/* What the slots of this model run on: the general values, and over them the model's own. */}}
{{- define "slots.of" -}}
{{- $own := get .Values.models .Values.model | default dict -}}
{{- mergeOverwrite (deepCopy .Values.slot) $own | toJson -}}
{{- end -}}

{{/* The labels by which the platform's policies and monitors find a slot's pods. Argument: [root, slot]. */}}
{{- define "slots.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: frontier
app.kubernetes.io/instance: {{ $root.Values.platform }}
app.kubernetes.io/component: worker
frontier.dev/worker: {{ $root.Values.model }}-{{ index . 1 }}
{{- end -}}

{{/* Refuses what must not be deployed. Argument: [root, release of a slot]. */}}
{{- define "slots.check" -}}
{{- $root := index . 0 -}}
{{- $release := index . 1 -}}
{{- if has $release.digest ($root.Values.blocked | default list) -}}
{{- fail (printf "version %s of %s (%s) is blocked: unblock its digest, or propose another version" $release.version $root.Values.model $release.digest) -}}
{{- end -}}
{{- end -}}

{{/* Where versions are fetched from, as settings. */}}
{{- define "slots.repository" -}}
- { name: MODEL_REPOSITORY, value: {{ .Values.repository.url | quote }} }
{{- if .Values.repository.existingSecret }}
{{- if hasPrefix "s3" .Values.repository.url }}
- { name: MODEL_S3_ACCESS_KEY_ID_FILE, value: /secrets/models/s3-access-key-id }
- { name: MODEL_S3_SECRET_ACCESS_KEY_FILE, value: /secrets/models/s3-secret-access-key }
{{- else }}
- { name: MODEL_OCI_USERNAME_FILE, value: /secrets/models/oci-username }
- { name: MODEL_OCI_PASSWORD_FILE, value: /secrets/models/oci-password }
{{- end }}
{{- if .Values.repository.encrypted }}
- { name: MODEL_ENCRYPTION_KEY, value: /secrets/models/encryption-key }
{{- end }}
{{- end }}
{{- if .Values.repository.trustedCertificates }}
- { name: NODE_EXTRA_CA_CERTS, value: /certificates/ca.crt }
{{- end }}
{{- end -}}
