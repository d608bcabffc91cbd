namespace AdaptFormer.Distributed;

/// <summary>The processes of a training were not given the same work. All of them throw it, with the same message.</summary>
/// <param name="message">What differs, between which ranks.</param>
public sealed class DisagreementException(string message) : Exception(message);
