using System.Text.Json.Serialization;
using AdaptFormer.Models;

namespace AdaptFormer.Training.Loop;

/// <summary>How the processes of a training add their gradients.</summary>
[JsonConverter(typeof(SnakeCaseEnum<ExchangeOrder>))]
public enum ExchangeOrder
{
    /// <summary>One batch after the other, as one process does: the same bits on any number of processes.</summary>
    Ordered,

    /// <summary>As the library does it fastest: equal up to rounding, which depends on the number of processes.</summary>
    Fast,
}
