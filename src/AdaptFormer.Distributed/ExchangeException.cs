namespace AdaptFormer.Distributed;

/// <summary>An exchange between the processes of a training did not come about: one does not answer, or the library failed.</summary>
/// <param name="message">What was waited for, and where the work stood.</param>
/// <param name="inner">What the library said; may be null.</param>
public sealed class ExchangeException(string message, Exception? inner = null) : Exception(message, inner);
