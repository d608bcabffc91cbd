namespace AdaptFormer.Export;

/// <summary>How the weights of products are kept in an exported file.</summary>
public enum WeightStorage
{
    /// <summary>32-bit floats: the model's answers to six digits.</summary>
    Float32,

    /// <summary>16-bit floats, turned into 32 bits as the file is opened: half the size.</summary>
    Float16,

    /// <summary>
    /// The backbone's products in 8-bit whole numbers, one scale for each output of a weight and one for each token that is multiplied, so
    /// that a picture's answer does not depend on the others of its batch. Everything else, adapters included, stays in 32 bits.
    /// </summary>
    Int8,
}
