namespace AdaptFormer.Cuda;

/// <summary>A card, its driver or one of its libraries did not do what was asked.</summary>
/// <param name="message">What failed, and the way out if there is one.</param>
public class CudaException(string message) : Exception(message);

/// <summary>A card's memory does not hold what was asked of it. What was there before is still there.</summary>
/// <param name="message">How much was asked and is in use, and what needs less.</param>
public sealed class OutOfDeviceMemoryException(string message) : CudaException(message);
