/** The one namespace, named as OpenFaaS names its default. */
export const NAMESPACE = 'openfaas-fn';
